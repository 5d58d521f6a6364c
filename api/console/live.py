"""The streams of pages: a piece of HTML whenever it has changed, for htmx to put in its place.

A stream ends after a while and its browser comes again, which has its key checked again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request
from fastapi.sse import ServerSentEvent

from api.auth.guard import counted_as
from api.dependencies import Resources
from api.events.places import Places
from infra.contract.errors import Rejected, ServiceUnavailable

_RECONNECT_MILLISECONDS = 1000
_LONGEST_SECONDS = 60.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a page as it is now; what has ended will not change any more."""

    html: str
    has_ended: bool = False


async def place_of(request: Request, resources: Resources) -> AsyncIterator[Places]:
    """Yield the places while the stream holds one of them."""
    with resources.places.taken(counted_as(request)):
        yield resources.places


Place = Annotated[Places, Depends(place_of)]


async def pieces(
    places: Places, look: Callable[[], Awaitable[Piece]]
) -> AsyncIterator[ServerSentEvent]:
    """Yield the event `change` with each new piece, and `end` when there will be no more."""
    yield ServerSentEvent(retry=_RECONNECT_MILLISECONDS)
    begun, told = monotonic(), None
    while monotonic() - begun < _LONGEST_SECONDS:
        piece = told
        try:
            piece = await look()
        except ServiceUnavailable:  # what was seen last stays on the page meanwhile
            pass
        except Rejected:  # what was seen is gone
            return
        if piece is not None and piece != told:
            told = piece
            yield ServerSentEvent(event="change", raw_data=piece.html)
            if piece.has_ended:
                yield ServerSentEvent(event="end", raw_data="ended")
                return
        if await places.closes_within(_LOOK_SECONDS):
            return
