"""One subscription per worker to the Prefect server's events, so that actions take effect at once.

An event only says that a look is worthwhile: the receiver looks itself, and not here, so
that no event waits for what is done about another one. What is missed while the connection is
down is found by polling every few seconds.
"""

import asyncio
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

log = structlog.get_logger(__name__)

CANCELLED = ("prefect.flow-run.Cancelling", "prefect.flow-run.Cancelled")
SCHEDULED = ("prefect.flow-run.Scheduled", "prefect.flow-run.AwaitingRetry")
PAUSED = ("prefect.flow-run.Suspended", "prefect.flow-run.Paused")

_RESOURCE_PREFIX = "prefect.flow-run."
_AGAIN_SECONDS = 3.0

Hear = Callable[[UUID], None]
"""Takes note of a flow run, and returns at once."""


async def listen(event_handlers: Mapping[str, Hear]) -> None:
    """Call for ever, for each event with a listener, with the id of its flow run."""
    wanted = EventFilter(event=EventNameFilter(name=list(event_handlers)))
    while True:
        try:
            async with get_events_subscriber(filter=wanted) as events:
                async for event in events:
                    flow_run_id = UUID(event.resource.id.removeprefix(_RESOURCE_PREFIX))
                    event_handlers[event.event](flow_run_id)
        except Exception as exc:  # noqa: BLE001 - Prefect away or odd: listen again soon
            log.debug("not listening", error=repr(exc))
        await asyncio.sleep(_AGAIN_SECONDS)
