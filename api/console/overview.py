"""The first page: what is ready, what failed, what waits, and what runs now; kept up to date."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.auth.session import CONSOLE_PATH
from api.console.live import Place, pieces
from api.console.page import fragment, page
from api.dependencies import Resources
from api.events.live_streams import Sight
from api.resources import ApiResources
from api.schemas.batches import Batch
from infra.contract.states import BatchState, JobState
from tasks.batches.read import BatchFilter, list_batches
from tasks.reports.daily_summary import summarise
from tasks.reports.load import read_load

router = APIRouter(include_in_schema=False)

_BATCHES = 5
_EVERY_SECONDS = 2.0


@router.get(CONSOLE_PATH)
def get_overview(request: Request, resources: Resources) -> Response:
    """Show the page; what changes comes over a stream."""
    prefect = resources.configuration.prefect.pages
    return page(request, "overview.html.j2", prefect=prefect, **_figures(resources))


@router.get(f"{CONSOLE_PATH}/live", response_class=EventSourceResponse)
async def get_live(
    request: Request, resources: Resources, place: Place
) -> AsyncIterator[ServerSentEvent]:
    """Stream the page's figures whenever they have changed."""

    def look() -> Sight:
        return Sight(fragment(request, "overview_figures.html.j2", **_figures(resources)))

    async for event in pieces(place, "overview", look, every_seconds=_EVERY_SECONDS):
        yield event


def _figures(resources: ApiResources) -> dict[str, Any]:
    today = summarise(resources.database, datetime.now(UTC).date())
    load = read_load(resources.database)
    running = BatchFilter(limit=_BATCHES, state=BatchState.RUNNING)
    return {
        "images": today.images,
        "errors": today.errors,
        "queued": sum(count.jobs for count in load.jobs if count.state is JobState.QUEUED),
        "running": sum(count.jobs for count in load.jobs if count.state is JobState.RUNNING),
        "workers": load.workers_alive,
        "batches": [Batch.of(batch) for batch in list_batches(resources.database, running)],
    }
