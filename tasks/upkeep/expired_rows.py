"""Deletes idempotency keys and webhook deliveries whose time is over, or counts them."""

from sqlalchemy import func, select

from infra.contract.events import DeliveryState
from infra.db.engine import Database
from infra.db.models.idempotency import IdempotencyKey
from infra.db.models.webhooks import WebhookDelivery
from infra.settings.sections import WebhookSettings
from tasks.submission.idempotency import forget_expired_keys
from tasks.upkeep.garbage import Garbage, Rules, Tally
from tasks.webhooks.forget import forget_old_deliveries


def forget_old_rows(
    database: Database, webhooks: WebhookSettings, rules: Rules, *, tally: Tally
) -> None:
    """Delete what is due, or only count it."""
    if rules.dry_run:
        expired = select(func.count()).where(IdempotencyKey.expires_at <= func.now())
        old = select(func.count()).where(
            WebhookDelivery.state != DeliveryState.PENDING,
            WebhookDelivery.finished_at < func.now() - rules.delivery_retention,
        )
        for kind, count in ((Garbage.EXPIRED_KEYS, expired), (Garbage.OLD_DELIVERIES, old)):
            with database.transaction() as session:
                tally.add(kind, session.scalars(count).one())
        return
    tally.add(Garbage.EXPIRED_KEYS, forget_expired_keys(database))
    tally.add(Garbage.OLD_DELIVERIES, forget_old_deliveries(database, webhooks))
