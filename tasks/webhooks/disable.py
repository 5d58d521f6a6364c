"""Step: send nothing more to an endpoint; what is owed to it is given up and can be replayed."""

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from infra.contract.events import DeliveryState
from infra.db.models.webhooks import WebhookDelivery, WebhookEndpoint


def disable(session: Session, endpoint: WebhookEndpoint, reason: str) -> None:
    """Disable the endpoint, whose row is locked; `reason` is for those who look after it."""
    if endpoint.disabled_at is None:
        endpoint.disabled_at = func.now()
        endpoint.disabled_reason = reason
    session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.endpoint_id == endpoint.id,
            WebhookDelivery.state == DeliveryState.PENDING,
        )
        .values(state=DeliveryState.FAILED, finished_at=func.now())
        .execution_options(synchronize_session="fetch")
    )
