"""Use case: delete messages that ended long ago, with their tries.

What is pending stays, however old it is. Each batch is a transaction of its own: a stop in
between has lost nothing, and the next run goes on.
"""

from datetime import timedelta

from sqlalchemy import delete, func, select

from infra.contract.events import DeliveryState
from infra.db.engine import Database
from infra.db.models.webhooks import WebhookDelivery
from infra.db.retry import again_after_conflict
from infra.settings.sections import WebhookSettings

BATCH = 1000  # rows that one transaction deletes and locks


def forget_old_deliveries(
    database: Database, settings: WebhookSettings, *, batch: int = BATCH
) -> int:
    """Delete what ended more than `retention_days` ago; return how many messages that were.

    Raises `ServiceUnavailable`; the batches before it stay deleted.
    """
    age = timedelta(days=settings.retention_days)
    forgotten = 0
    while found := _forget_some(database, age, batch):
        forgotten += found
    return forgotten


@again_after_conflict
def _forget_some(database: Database, age: timedelta, most: int) -> int:
    """Delete some; a message that is being replayed at this moment stays."""
    old = (
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.state != DeliveryState.PENDING,
            WebhookDelivery.finished_at < func.now() - age,
        )
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    with database.transaction() as session:
        ids = session.scalars(old).all()
        session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids)))
    return len(ids)
