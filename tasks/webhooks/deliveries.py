"""Use cases: list messages with their tries, and send one again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.events import DeliveryState, Event
from infra.db.engine import Database
from infra.db.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from infra.db.retry import again_after_conflict


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One try; without a status there was no answer, without a code it succeeded."""

    number: int
    status: int | None
    error_code: str | None
    duration_ms: int
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One message to one receiver, and its tries in order."""

    id: UUID
    endpoint_id: UUID | None
    url: str
    event: Event
    subject_id: UUID
    payload: str
    state: DeliveryState
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: tuple[AttemptView, ...]


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which messages are wanted: to one endpoint, or about one job or batch."""

    limit: int
    endpoint_id: UUID | None = None
    subject_id: UUID | None = None
    state: DeliveryState | None = None
    before: UUID | None = None


def list_deliveries(database: Database, wanted: DeliveryFilter) -> list[DeliveryView]:
    """Return messages with their tries, the newest first."""
    statement = select(WebhookDelivery).order_by(WebhookDelivery.id.desc()).limit(wanted.limit)
    for column, value in (
        (WebhookDelivery.endpoint_id, wanted.endpoint_id),
        (WebhookDelivery.subject_id, wanted.subject_id),
        (WebhookDelivery.state, wanted.state),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.before is not None:
        statement = statement.where(WebhookDelivery.id < wanted.before)
    with database.transaction() as session:
        return _shown(session, session.scalars(statement).all())


@again_after_conflict
def replay(database: Database, delivery_id: UUID) -> DeliveryView:
    """Send a message again under the same id, as often as a new one would be tried.

    Raises `Rejected`: 404 when there is none, 409 when it is being sent anyway or its endpoint
    is disabled.
    """
    with database.transaction() as session:
        _require_enabled(session, delivery_id)
        delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True)
        if delivery is None:
            detail = f"There is no delivery {str(delivery_id)!r}."
            raise Rejected(404, ErrorCode.NOT_FOUND, detail)
        if delivery.state is DeliveryState.PENDING:
            detail = "The message is not delivered yet and is tried anyway; wait for its end."
            raise Rejected(409, ErrorCode.DELIVERY_PENDING, detail)
        delivery.state = DeliveryState.PENDING
        delivery.failures, delivery.finished_at = 0, None
        delivery.due_at = delivery.begun_at = func.now()
        session.flush()
        session.refresh(delivery)
        return _shown(session, [delivery])[0]


def _require_enabled(session: Session, delivery_id: UUID) -> None:
    """Lock the delivery's endpoint and raise `Rejected` when it is disabled."""
    of_delivery = select(WebhookDelivery.endpoint_id).where(WebhookDelivery.id == delivery_id)
    endpoint = session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.id == of_delivery.scalar_subquery())
        .with_for_update(read=True)
    ).first()
    if endpoint is not None and endpoint.disabled_at is not None:
        detail = f"The webhook is disabled: {endpoint.disabled_reason} Enable it first."
        raise Rejected(409, ErrorCode.WEBHOOK_DISABLED, detail)


def _shown(session: Session, rows: Sequence[WebhookDelivery]) -> list[DeliveryView]:
    wanted = select(WebhookAttempt).where(WebhookAttempt.delivery_id.in_([row.id for row in rows]))
    attempts: dict[UUID, list[AttemptView]] = defaultdict(list)
    for each in session.scalars(wanted.order_by(WebhookAttempt.number)):
        attempts[each.delivery_id].append(
            AttemptView(
                each.number, each.status, each.error_code, each.duration_ms, each.finished_at
            )
        )
    return [
        DeliveryView(
            id=row.id,
            endpoint_id=row.endpoint_id,
            url=row.url,
            event=row.event,
            subject_id=row.subject_id,
            payload=row.payload,
            state=row.state,
            due_at=row.due_at if row.state is DeliveryState.PENDING else None,
            created_at=row.created_at,
            finished_at=row.finished_at,
            attempts=tuple(attempts[row.id]),
        )
        for row in rows
    ]
