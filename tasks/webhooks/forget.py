"""Use case: delete deliveries that ended long ago, with their tries."""

from datetime import timedelta

from sqlalchemy import delete, func, select

from infra.db.engine import Database
from infra.db.webhooks import WebhookDelivery
from infra.events import DeliveryState
from infra.settings import WebhookSettings

_SLICE = 1000


def forget_old_deliveries(database: Database, settings: WebhookSettings) -> int:
    """Delete them slice by slice, each a transaction of its own; return how many there were.

    What is still owed to a receiver stays, however old it is.
    """
    total = 0
    while count := _forget_some(database, timedelta(days=settings.retention_days)):
        total += count
    return total


def _forget_some(database: Database, retention: timedelta) -> int:
    old = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.state != DeliveryState.PENDING,
            WebhookDelivery.finished_at < func.now() - retention,
        )
        .limit(_SLICE)
        .with_for_update(skip_locked=True)
    )
    with database.transaction() as session:
        gone = (
            delete(WebhookDelivery).where(WebhookDelivery.id.in_(old)).returning(WebhookDelivery.id)
        )
        return len(session.scalars(gone).all())
