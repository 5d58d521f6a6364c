"""The streams of pages: a piece of HTML whenever it has changed, for htmx to put in its place."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from fastapi.sse import ServerSentEvent

from api.auth.guard import counted_as
from api.dependencies import Resources
from api.events.live_streams import LiveStreams, Look

_RECONNECT_MILLISECONDS = 2000


async def place_of(request: Request, resources: Resources) -> AsyncIterator[LiveStreams]:
    """Yield the process's streams, with a place among them until the response has ended."""
    with resources.live_streams.place(counted_as(request)):
        yield resources.live_streams


Place = Annotated[LiveStreams, Depends(place_of)]


async def pieces(
    streams: LiveStreams, name: str, look: Look, *, every_seconds: float
) -> AsyncIterator[ServerSentEvent]:
    """Yield the event `change` with each new piece, and `end` when there will be no more."""
    yield ServerSentEvent(retry=_RECONNECT_MILLISECONDS)
    async for sight in streams.sights(name, look, every_seconds=every_seconds):
        yield ServerSentEvent(event="change", raw_data=sight.text)
        if sight.has_ended:
            yield ServerSentEvent(event="end", raw_data="ended")
