"""`GET /overview`: what goes on at a glance, once or as server-sent events."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.auth.guard import counted_as
from api.dependencies import Resources
from api.events.places import Places
from api.schemas.overview import Overview
from infra.contract.errors import ServiceUnavailable
from tasks.overview import Overview as View

router = APIRouter(prefix="/overview", tags=["overview"])

_RECONNECT_MILLISECONDS = 5000
_LOOK_SECONDS = 2.0
_EXAMPLE = """event: overview
data: {"today": {"day": "2026-11-24", "ready": 524, "failed": 3, "saved_bytes": 81044112}, …}

"""
_EVENT = {
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["overview"]},
        "data": {"contentMediaType": "application/json"},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `overview` in the shape of `GET /overview`",
        "content": {EventSourceResponse.media_type: {"itemSchema": _EVENT, "example": _EXAMPLE}},
    },
}


@router.get("", response_model=Overview, summary="Show what goes on")
async def get_overview(resources: Resources) -> Overview:
    """Return today's images, throughput, running batches, hosts in trouble and the oldest job."""
    return Overview.of(await resources.overview.get())


async def place_of(
    request: Request, response: Response, resources: Resources
) -> AsyncIterator[Places]:
    """Yield the places while the stream holds one of them."""
    response.headers["Cache-Control"] = "no-store"  # beside FastAPI's `no-cache`
    with resources.places.taken(counted_as(request)):
        yield resources.places


@router.get(
    "/events",
    response_class=EventSourceResponse,
    responses=_RESPONSES,
    summary="Follow what goes on",
)
async def get_overview_events(
    places: Annotated[Places, Depends(place_of)], resources: Resources
) -> AsyncIterator[ServerSentEvent]:
    """Stream the overview, and again whenever it has changed.

    All streams of a process share one reading. A line that begins with a colon says that the
    stream is alive.
    """
    yield ServerSentEvent(retry=_RECONNECT_MILLISECONDS)
    told: View | None = None
    silent_seconds = 0.0
    while True:
        overview = told  # while the database is away, the listener stays
        with suppress(ServiceUnavailable):
            overview = await resources.overview.get()
        if overview is not None and overview != told:
            told, silent_seconds = overview, 0.0
            data = Overview.of(overview).model_dump(mode="json")
            yield ServerSentEvent(event="overview", data=data)
        elif silent_seconds >= resources.configuration.api.events_heartbeat_seconds:
            silent_seconds = 0.0
            yield ServerSentEvent(comment="still here")
        if await places.closes_within(_LOOK_SECONDS):
            return
        silent_seconds += _LOOK_SECONDS
