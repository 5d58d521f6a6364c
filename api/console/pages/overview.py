"""The first page: what is ready, what failed, what waits, and what runs now; kept up to date."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.auth.session import CONSOLE_PATH
from api.console.live import Piece, Place, pieces
from api.console.page import fragment, page
from api.dependencies import Resources
from api.resources import ApiResources
from api.routes import overview

router = APIRouter(include_in_schema=False)


@router.get(CONSOLE_PATH)
async def get_overview(request: Request, resources: Resources) -> Response:
    """Show the page; what changes comes over a stream."""
    prefect = resources.configuration.prefect.pages
    return page(request, "overview.html.j2", prefect=prefect, **await _figures(resources))


@router.get(f"{CONSOLE_PATH}/live", response_class=EventSourceResponse)
async def get_live(
    request: Request, resources: Resources, place: Place
) -> AsyncIterator[ServerSentEvent]:
    """Stream the page's figures whenever they have changed."""

    async def look() -> Piece:
        return Piece(fragment(request, "overview_figures.html.j2", **await _figures(resources)))

    async for event in pieces(place, look):
        yield event


async def _figures(resources: ApiResources) -> dict[str, Any]:
    now = await overview.get_overview(resources)
    highest = max((minute.ready + minute.failed for minute in now.minutes), default=0)
    return {"now": now, "highest": max(highest, 1)}
