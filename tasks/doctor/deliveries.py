"""What is owed to receivers of webhooks, and who may call the API."""

from datetime import timedelta

from sqlalchemy import func, select

from infra.contract.events import DeliveryState
from infra.db.models.keys import ApiKey
from infra.db.models.webhooks import WebhookDelivery, WebhookEndpoint
from tasks.doctor.finding import Finding, Level, System, ok

_LATE = timedelta(minutes=10)
_SOON = timedelta(days=14)


def check_webhooks(system: System) -> Finding:
    """Whether messages to receivers are sent when they are due, and no endpoint is disabled."""
    overdue = select(func.count()).where(
        WebhookDelivery.state == DeliveryState.PENDING,
        WebhookDelivery.due_at < func.now() - _LATE,
    )
    disabled = select(WebhookEndpoint.url).where(WebhookEndpoint.disabled_at.is_not(None))
    with system.database.transaction() as session:
        late = session.scalars(overdue).one()
        off = session.scalars(disabled.order_by(WebhookEndpoint.id)).all()
    if late:
        detail = f"{late} messages are due for more than ten minutes."
        return Finding(Level.BROKEN, detail, "Start the API, whose webhook worker sends them.")
    if off:
        detail = f"{len(off)} endpoints are disabled, the first is {off[0]}."
        return Finding(Level.WARNING, detail, "Register them again once they answer.")
    return ok("All due messages are sent.")


def check_keys_of_callers(system: System) -> Finding:
    """Whether API keys end soon."""
    ending = select(ApiKey.name).where(
        ApiKey.revoked_at.is_(None),
        ApiKey.expires_at > func.now(),
        ApiKey.expires_at < func.now() + _SOON,
    )
    with system.database.transaction() as session:
        names = session.scalars(ending.order_by(ApiKey.expires_at)).all()
    if names:
        detail = f"API keys that end within two weeks: {', '.join(names)}."
        return Finding(Level.WARNING, detail, "Make new ones: product-images keys create.")
    return ok("No API key ends soon.")
