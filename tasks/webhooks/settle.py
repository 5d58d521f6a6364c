"""Step: record the result of a try, and decide about the next one."""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from infra.contract.events import DeliveryState
from infra.db.engine import Database
from infra.db.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from infra.db.retry import again_after_conflict
from infra.settings.sections import WebhookSettings
from infra.webhooks.backoff import pause_seconds
from infra.webhooks.sender import Reply
from tasks.webhooks.endpoints import disable
from tasks.webhooks.take import Taken


@again_after_conflict
def settle(
    database: Database, taken: Taken, reply: Reply, *, settings: WebhookSettings
) -> DeliveryState | None:
    """Log the try and write its result; return where the message is then.

    None when it is not ours any more: deleted, given up, or taken by another webhook worker.
    """
    with database.transaction() as session:
        receiver = select(WebhookEndpoint).where(WebhookEndpoint.id == taken.endpoint_id)
        # Locked first, as its deletion does.
        endpoint = session.scalars(receiver.with_for_update(key_share=True)).first()
        delivery = _locked_delivery(session, taken)
        if delivery is None:
            return None
        session.add(
            WebhookAttempt(
                delivery_id=taken.id,
                number=taken.attempt,
                status=reply.status,
                error_code=reply.error_code,
                duration_ms=reply.duration_ms,
            )
        )
        now = session.scalars(select(func.now())).one()
        if reply.is_delivered:
            _finish(delivery, DeliveryState.DELIVERED)
        else:
            _failed(delivery, reply, now=now, settings=settings)
        if endpoint is not None:
            session.flush()
            _judge(session, endpoint, reply, now=now, settings=settings)
        return delivery.state


def give_back(database: Database, taken: Taken) -> None:
    """Let another webhook worker send the message now: this one was stopped before it could."""
    mine = (WebhookDelivery.id == taken.id) & (WebhookDelivery.attempts == taken.attempt)
    waiting = WebhookDelivery.state == DeliveryState.PENDING
    with database.transaction() as session:
        session.execute(update(WebhookDelivery).where(mine, waiting).values(due_at=func.now()))


def _locked_delivery(session: Session, taken: Taken) -> WebhookDelivery | None:
    mine = select(WebhookDelivery).where(
        WebhookDelivery.id == taken.id,
        WebhookDelivery.attempts == taken.attempt,
        WebhookDelivery.state == DeliveryState.PENDING,
    )
    return session.scalars(mine.with_for_update()).first()


def _finish(delivery: WebhookDelivery, state: DeliveryState) -> None:
    delivery.state = state
    delivery.finished_at = func.now()


def _failed(
    delivery: WebhookDelivery, reply: Reply, *, now: datetime, settings: WebhookSettings
) -> None:
    delivery.failures += 1
    pause = timedelta(
        seconds=pause_seconds(
            settings, failures=delivery.failures, asked_seconds=reply.retry_after_seconds
        )
    )
    patience = timedelta(seconds=settings.give_up_after_seconds)
    if reply.is_gone or reply.is_blocked or now + pause > delivery.begun_at + patience:
        _finish(delivery, DeliveryState.FAILED)
    else:
        delivery.due_at = now + pause


def _judge(
    session: Session,
    endpoint: WebhookEndpoint,
    reply: Reply,
    *,
    now: datetime,
    settings: WebhookSettings,
) -> None:
    """An endpoint that only fails, or wants nothing more, is not sent to any longer."""
    if reply.is_delivered:
        endpoint.failing_since = None
        return
    endpoint.failing_since = since = endpoint.failing_since or now
    if reply.is_gone:
        disable(session, endpoint, "The receiver answered with status 410: it is gone for good.")
    elif now - since >= timedelta(seconds=settings.disable_after_seconds):
        disable(
            session,
            endpoint,
            f"Every delivery since {since:%Y-%m-%d %H:%M} UTC failed, "
            f"the last one with {reply.error_code}.",
        )
