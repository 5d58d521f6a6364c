"""Imports and reprocesses: the list, one of them live, and what may be done with it."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.auth.permissions import SeesQueries
from api.auth.session import CONSOLE_PATH
from api.console.live import Piece, Place, pieces
from api.console.page import fragment, page, redirect
from api.console.viewer import Form
from api.dependencies import Resources
from api.routes import batches
from infra.contract.states import BatchState

router = APIRouter(prefix=f"{CONSOLE_PATH}/batches", include_in_schema=False)

_PAGE_SIZE = 30


@router.get("")
def get_batches(
    request: Request,
    resources: Resources,
    state: Annotated[BatchState | Literal[""] | None, Query()] = None,
    before: str | None = None,
) -> Response:
    """List batches, newest first."""
    wanted = state or None
    listed = batches.get_batches(request, resources, state=wanted, before=before, limit=_PAGE_SIZE)
    return page(
        request,
        "batches.html.j2",
        batches=listed.batches,
        next=listed.next,
        state=state,
        states=list(BatchState),
    )


@router.get("/{batch_id}")
def get_batch(batch_id: str, request: Request, resources: Resources) -> Response:
    """Show a batch; what changes comes over a stream while it runs."""
    return page(request, "batch.html.j2", batch=batches.get_batch(batch_id, resources))


@router.get("/{batch_id}/live", response_class=EventSourceResponse)
async def get_live(
    batch_id: str, request: Request, resources: Resources, place: Place
) -> AsyncIterator[ServerSentEvent]:
    """Stream the progress of a batch until it has ended."""

    async def look() -> Piece:
        batch = await to_thread.run_sync(batches.get_batch, batch_id, resources)
        html = fragment(request, "batch_progress.html.j2", batch=batch)
        return Piece(html, has_ended=batch.state is not BatchState.RUNNING)

    async for event in pieces(place, look):
        yield event


@router.get("/{batch_id}/report.csv")
def get_report(batch_id: str, resources: Resources, sees_queries: SeesQueries) -> Response:
    """Download the report of a batch."""
    return batches.get_report(batch_id, resources, sees_queries)


@router.post("/{batch_id}/retry")
def post_retry(batch_id: str, resources: Resources, response: Response, _form: Form) -> Response:
    """Try the failed images of a batch again."""
    batches.post_retry(batch_id, resources, response)
    return redirect(f"/batches/{batch_id}", done="batch-retried")


@router.post("/{batch_id}/cancel")
def post_cancel(
    batch_id: str,
    resources: Resources,
    response: Response,
    afterwards: BackgroundTasks,
    _form: Form,
) -> Response:
    """Cancel a batch."""
    batches.post_cancel(batch_id, resources, response, afterwards)
    return redirect(f"/batches/{batch_id}", done="batch-cancelled")


@router.post("/{batch_id}/delete")
def post_delete(batch_id: str, resources: Resources, _form: Form) -> Response:
    """Delete an ended batch and its report."""
    batches.delete_one(batch_id, resources)
    return redirect("/batches", done="batch-deleted")
