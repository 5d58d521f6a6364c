"""What callers send and get about webhooks."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from infra.contract.events import DeliveryState, Event, message_id
from infra.contract.webhook_secret import require_secret
from tasks.webhooks.deliveries import DeliveryView
from tasks.webhooks.endpoints import EndpointView, Registered


class NewWebhook(BaseModel):
    """The body of `POST /webhooks`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"url": "https://shop.example/hooks", "events": ["job.finished"]}]
        },
    )

    url: str = Field(description="where messages are posted")
    events: list[Event] = Field(
        default_factory=lambda: list(Event), min_length=1, description="all events by default"
    )
    secret: Annotated[str, AfterValidator(require_secret)] | None = Field(
        None, description="`whsec_` and 24 to 64 bytes in base64; generated when absent"
    )


class WebhookChange(BaseModel):
    """The body of `PATCH /webhooks/{id}`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"enabled": True}]})

    enabled: bool = Field(description="whether messages are sent")


class Webhook(BaseModel):
    """A registered endpoint; `disabled_reason` says why nothing is sent to it."""

    id: UUID
    url: str
    events: list[Event]
    enabled: bool
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime

    @classmethod
    def of(cls, endpoint: EndpointView) -> "Webhook":
        """Show a receiver."""
        own = {name: getattr(endpoint, name) for name in Webhook.model_fields if name != "enabled"}
        return cls(enabled=endpoint.disabled_at is None, **own)


class CreatedWebhook(Webhook):
    """A new endpoint; its secret is shown this once."""

    secret: str

    @classmethod
    def new(cls, registered: Registered) -> "CreatedWebhook":
        """Show a new receiver."""
        return cls(**dict(Webhook.of(registered.endpoint)), secret=registered.secret)


class WebhookPage(BaseModel):
    """One page of endpoints, newest first; `next` is the query of the following page."""

    webhooks: list[Webhook]
    next: str | None


class Attempt(BaseModel):
    """One try; without a status there was no answer, without an error code it succeeded."""

    number: int
    status: int | None
    error_code: str | None
    duration_ms: int
    finished_at: datetime


class Delivery(BaseModel):
    """One message to one endpoint.

    `webhook_id` is the endpoint's id, null for a callback URL; `message_id` is the header
    `webhook-id`, the same in every try; `due_at` is when the next try is due.
    """

    id: UUID
    message_id: str
    webhook_id: UUID | None
    url: str
    event: Event
    payload: dict[str, Any]
    state: DeliveryState
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    attempts: list[Attempt]

    @classmethod
    def of(cls, delivery: DeliveryView) -> "Delivery":
        """Show a message."""
        told = asdict(delivery)
        told["payload"] = json.loads(delivery.payload)
        return cls(message_id=message_id(delivery.id), webhook_id=delivery.endpoint_id, **told)


class DeliveryPage(BaseModel):
    """One page of messages, newest first; `next` is the query of the following page."""

    deliveries: list[Delivery]
    next: str | None


class DeliveryQuery(BaseModel):
    """Which messages to an endpoint are returned."""

    state: DeliveryState | None = None
    before: str | None = None
    limit: int = Field(50, ge=1, le=200)
