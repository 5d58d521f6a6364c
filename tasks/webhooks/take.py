"""Step: take one message that is due, so that no other webhook worker sends it at the same time.

Taking is a lease: a message whose webhook worker died is due again when the lease has ended.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Text, func, select

from infra.contract.events import DeliveryState
from infra.db.engine import Database
from infra.db.models.webhooks import WebhookDelivery, WebhookEndpoint

# Of a normalised URL. One machine may stand behind many URLs: what is slow is the host.
_HOST = func.substring(WebhookDelivery.url, "://(\\[[^]]*]|[^/:?#]*)", type_=Text)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message to send now. `attempt` guards what is written about this try.

    `secret` is the endpoint's; None for a callback URL.
    """

    id: UUID
    attempt: int
    endpoint_id: UUID | None
    url: str
    host: str
    payload: str
    secret: str | None


def take_due(
    database: Database, *, lease_seconds: float, crowded: Collection[str] = ()
) -> Taken | None:
    """Take the message that is due for longest, to none of the `crowded` hosts.

    None when there is none. Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    due = (
        select(WebhookDelivery, _HOST)
        .where(
            WebhookDelivery.state == DeliveryState.PENDING,
            WebhookDelivery.due_at <= func.now(),
            _HOST.not_in(crowded),
        )
        .order_by(WebhookDelivery.due_at)
        .limit(1)
        .with_for_update(of=WebhookDelivery, skip_locked=True)
    )
    with database.transaction() as session:
        found = session.execute(due).tuples().first()
        if found is None:
            return None
        delivery, host = found
        delivery.attempts += 1
        delivery.due_at = func.now() + timedelta(seconds=lease_seconds)
        endpoint = session.get(WebhookEndpoint, delivery.endpoint_id or UUID(int=0))
        return Taken(
            id=delivery.id,
            attempt=delivery.attempts,
            endpoint_id=delivery.endpoint_id,
            url=delivery.url,
            host=host,
            payload=delivery.payload,
            secret=None if endpoint is None else endpoint.secret,
        )
