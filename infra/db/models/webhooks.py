"""The tables of webhooks: who is told, what is owed to them, and every try.

A secret signs messages, so it is kept as it is: a reader of this database can sign.
"""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from infra.contract.events import DeliveryState, Event
from infra.db.table import Created, Id, Moment, Table, word

_EVENT_CHARACTERS = 40


class WebhookEndpoint(Table):
    """A registered endpoint.

    `failing_since` is when the first of an unbroken row of failures happened.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[Id]
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(ARRAY(String(_EVENT_CHARACTERS)))
    secret: Mapped[str] = mapped_column(String(200))
    failing_since: Mapped[Moment | None]
    disabled_at: Mapped[Moment | None]
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Created]


class WebhookDelivery(Table):
    """One message that is owed to one receiver; written with what it tells about.

    Without an endpoint it goes to the callback URL of a job or batch. `subject_id` is that job's
    or batch's id. `attempts` rises whenever a webhook worker takes the message and guards what it
    writes; while a try is under way, `due_at` is when it counts as lost. `failures` are those
    since the tries began, at `begun_at`: when it was written, or replayed.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_due", "due_at", postgresql_where="state = 'pending'"),
        Index(
            "ix_webhook_deliveries_finished",
            "finished_at",
            postgresql_where="finished_at IS NOT NULL",
        ),
    )

    id: Mapped[Id]
    endpoint_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), index=True
    )
    url: Mapped[str] = mapped_column(Text)
    event: Mapped[Event] = mapped_column(word(Event, "event", _EVENT_CHARACTERS))
    subject_id: Mapped[UUID] = mapped_column(index=True)
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[DeliveryState] = mapped_column(word(DeliveryState, "state", _EVENT_CHARACTERS))
    attempts: Mapped[int] = mapped_column(server_default="0")
    failures: Mapped[int] = mapped_column(server_default="0")
    due_at: Mapped[Created]
    begun_at: Mapped[Created]
    finished_at: Mapped[Moment | None]
    created_at: Mapped[Created]


class WebhookAttempt(Table):
    """One try to deliver a message; without a status there was no answer."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (UniqueConstraint("delivery_id", "number"),)

    id: Mapped[Id]
    delivery_id: Mapped[UUID] = mapped_column(
        ForeignKey("webhook_deliveries.id", ondelete="CASCADE")
    )
    number: Mapped[int]
    status: Mapped[int | None]
    error_code: Mapped[str | None] = mapped_column(String(60))
    duration_ms: Mapped[int]
    finished_at: Mapped[Created]
