"""Couriers with short pauses, and what PostgreSQL holds of messages."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import select, text

from api.background.webhook_worker import WebhookWorker
from infra.contract.events import DeliveryState, Event
from infra.db.engine import Database
from infra.db.models.webhooks import WebhookAttempt, WebhookDelivery
from infra.settings.sections import DatabaseSettings, FetchSettings, WebhookSettings
from infra.webhooks.sender import WebhookSender
from tasks.webhooks.endpoints import Registered, register
from tests.integration.database.fresh import CONNECTIONS
from tests.waiting import eventually

FETCH = FetchSettings.model_validate({"allowed_private_hosts": "127.0.0.1,localhost"})


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open the database for many threads."""
    with Database(DatabaseSettings(url=url, pool_size=CONNECTIONS)) as database:
        yield database


def patient(**values: Any) -> WebhookSettings:
    """Return settings with pauses that a test can wait for."""
    return WebhookSettings.model_validate({"first_retry_seconds": 0.001, **values})


@contextmanager
def webhook_worker(
    database: Database, settings: WebhookSettings | None = None, fetch: FetchSettings = FETCH
) -> Iterator[None]:
    """Deliver while the block runs, as an API process does."""
    chosen = settings or patient()
    with ExitStack() as stack:
        sender = WebhookSender(fetch, chosen)
        stack.enter_context(WebhookWorker(database, sender.send, chosen))
        stack.enter_context(sender)
        yield


def registered(
    database: Database, url: str, *events: Event, secret: str | None = None
) -> Registered:
    """Register an endpoint of these events, or of all."""
    return register(database, url, events=events or tuple(Event), secret=secret)


def deliveries(database: Database) -> Sequence[WebhookDelivery]:
    """Return all messages, the oldest first."""
    with database.transaction() as session:
        return session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)).all()


def attempts(database: Database) -> Sequence[WebhookAttempt]:
    """Return all tries in order."""
    with database.transaction() as session:
        return session.scalars(select(WebhookAttempt).order_by(WebhookAttempt.id)).all()


def ended(database: Database, *, seconds: float = 30) -> Sequence[WebhookDelivery]:
    """Return all messages when none is pending."""

    def look() -> Sequence[WebhookDelivery] | None:
        found = deliveries(database)
        pending = [row for row in found if row.state is DeliveryState.PENDING]
        return None if pending else found

    return eventually(look, "no message is pending", seconds=seconds)


def change_all(database: Database, table: str, assignments: str) -> None:
    """Change rows behind everybody's back."""
    with database.transaction() as session:
        session.execute(text(f"UPDATE {table} SET {assignments}"))
