"""Use cases: register receivers, show them, switch them off and on, and forget them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.events import DeliveryState, Event
from infra.contract.webhook_secret import new_secret
from infra.db.engine import Database
from infra.db.models.webhooks import WebhookDelivery, WebhookEndpoint
from infra.db.retry import again_after_conflict

_BY_HAND = "It was disabled on request."


@dataclass(frozen=True, slots=True)
class EndpointView:
    """A registered receiver, without its secret."""

    id: UUID
    url: str
    events: tuple[Event, ...]
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime

    @classmethod
    def of(cls, row: WebhookEndpoint) -> Self:
        """Show a row."""
        return cls(
            id=row.id,
            url=row.url,
            events=tuple(Event(event) for event in row.events),
            failing_since=row.failing_since,
            disabled_at=row.disabled_at,
            disabled_reason=row.disabled_reason,
            created_at=row.created_at,
        )


@dataclass(frozen=True, slots=True)
class Registered:
    """A new receiver and its secret, which is not shown again."""

    endpoint: EndpointView
    secret: str


def register(
    database: Database, url: str, *, events: Sequence[Event], secret: str | None = None
) -> Registered:
    """Register a receiver of these events; without a secret it gets a fresh one."""
    chosen = secret or new_secret()
    wanted = [event.value for event in dict.fromkeys(events)]
    with database.transaction() as session:
        row = WebhookEndpoint(url=url, events=wanted, secret=chosen)
        session.add(row)
        session.flush()
        session.refresh(row)
        return Registered(EndpointView.of(row), chosen)


def list_endpoints(
    database: Database, *, limit: int, before: UUID | None = None
) -> list[EndpointView]:
    """Return receivers, the newest first; `before` is the last id of the page before."""
    statement = select(WebhookEndpoint).order_by(WebhookEndpoint.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(WebhookEndpoint.id < before)
    with database.transaction() as session:
        return [EndpointView.of(row) for row in session.scalars(statement)]


def read_endpoint(database: Database, endpoint_id: UUID) -> EndpointView:
    """Return a receiver; raise `Rejected` (404) when there is none."""
    with database.transaction() as session:
        row = session.get(WebhookEndpoint, endpoint_id)
        if row is None:
            raise _absent(endpoint_id)
        return EndpointView.of(row)


@again_after_conflict
def switch(database: Database, endpoint_id: UUID, *, enabled: bool) -> EndpointView:
    """Send to a receiver again, or no longer; raise `Rejected` (404) when there is none.

    What was given up while it was disabled is not sent by itself: replay it.
    """
    with database.transaction() as session:
        row = session.get(WebhookEndpoint, endpoint_id, with_for_update={"key_share": True})
        if row is None:
            raise _absent(endpoint_id)
        if enabled:
            row.disabled_at = row.disabled_reason = row.failing_since = None
        else:
            disable(session, row, _BY_HAND)
        session.flush()
        session.refresh(row)
        return EndpointView.of(row)


def disable(session: Session, endpoint: WebhookEndpoint, reason: str) -> None:
    """Send nothing more to the endpoint, whose row is locked; `reason` is for its operators.

    What is owed to it is given up and can be replayed.
    """
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


@again_after_conflict
def forget(database: Database, endpoint_id: UUID) -> None:
    """Delete a receiver with all that is owed to it; raise `Rejected` (404) when there is none."""
    mine = delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    with database.transaction() as session:
        if session.scalars(mine.returning(WebhookEndpoint.id)).first() is None:
            raise _absent(endpoint_id)


def _absent(endpoint_id: UUID) -> Rejected:
    return Rejected(404, ErrorCode.NOT_FOUND, f"There is no webhook {str(endpoint_id)!r}.")
