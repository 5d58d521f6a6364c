"""`/batches`: list, show, report, retry, cancel and delete."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.auth.permissions import SeesQueries
from api.dependencies import Resources
from api.openapi.problem_examples import answers
from api.resources import ApiResources
from api.schemas.batch_report import csv_report
from api.schemas.batches import Batch, BatchPage
from api.schemas.ids import not_found, parse_id, parse_optional_id
from api.schemas.paging import next_page
from infra.contract.errors import ErrorCode
from infra.contract.states import BatchKind, BatchState
from tasks.batches.cancel import cancel_batch, request_cancel
from tasks.batches.delete import delete_batch
from tasks.batches.read import BatchFilter, BatchView, list_batches, read_batch
from tasks.batches.report import report_lines
from tasks.batches.retry import retry_batch

router = APIRouter(prefix="/batches", tags=["batches"])

_REPORT_TYPE = "text/csv"
_EXAMPLE = (
    "line,sku,product_id,job_id,position,source_url,state,outcome,error_code,error_detail,"
    "jpeg_url,webp_url,avif_url,png_url\r\n"
    "2,SHOE-42,019b…,019b…,0,https://example.com/front.jpg,ready,created,,,https://…,https://…,,"
    "\r\n"
)
_REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One line per image, in the order of the inputs",
        "content": {_REPORT_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.get("", response_model=BatchPage, summary="List batches, newest first")
def get_batches(
    request: Request,
    resources: Resources,
    state: BatchState | None = None,
    kind: BatchKind | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> BatchPage:
    """Return one page; `next` leads to the following one."""
    wanted = BatchFilter(
        limit=limit, state=state, kind=kind, before=parse_optional_id(before, "batch")
    )
    batches = list_batches(resources.database, wanted)
    following = next_page(request, [batch.id for batch in batches], limit=limit)
    return BatchPage(batches=[Batch.of(batch) for batch in batches], next=following)


@router.get("/{batch_id}", response_model=Batch, summary="Show a batch")
def get_batch(batch_id: str, resources: Resources) -> Batch:
    """Return the batch with the number of its jobs in each state."""
    return Batch.of(_read(parse_id(batch_id, "batch"), resources))


@router.get(
    "/{batch_id}/report.csv",
    response_class=Response,
    responses=_REPORT,
    summary="Download the report of a batch",
)
def get_report(batch_id: str, resources: Resources, sees_queries: SeesQueries) -> Response:
    """Stream one line per image, with the address of its largest variant in each format.

    Inputs that have no image, or were not accepted, have a line of their own.
    """
    batch = _read(parse_id(batch_id, "batch"), resources)
    pieces = csv_report(
        report_lines(resources.database, batch.id),
        resources.configuration.assets.public_asset_url,
        has_queries=sees_queries,
    )
    headers = {"Content-Disposition": f'attachment; filename="batch-{batch.id}.csv"'}
    return StreamingResponse(pieces, headers=headers, media_type=_REPORT_TYPE)


@router.post(
    "/{batch_id}/retry",
    status_code=202,
    response_model=Batch,
    responses=answers(ErrorCode.BATCH_NOT_FINAL, ErrorCode.NOTHING_TO_RETRY),
    summary="Retry the failed images of a batch",
)
def post_retry(batch_id: str, resources: Resources, response: Response) -> Batch:
    """Queue the failed images of all jobs of an ended batch, and finish its plan."""
    identity = parse_id(batch_id, "batch")
    retry_batch(resources.database, identity)
    resources.dispatcher.wake()
    response.headers["Location"] = f"/batches/{identity}"
    return Batch.of(_read(identity, resources))


@router.post(
    "/{batch_id}/cancel",
    status_code=202,
    response_model=Batch,
    responses=answers(ErrorCode.BATCH_IS_FINAL),
    summary="Cancel a batch",
)
def post_cancel(
    batch_id: str, resources: Resources, response: Response, afterwards: BackgroundTasks
) -> Batch:
    """Stop planning, cancel queued jobs, and tell the workers to stop running ones."""
    identity = parse_id(batch_id, "batch")
    request_cancel(resources.database, identity)
    afterwards.add_task(cancel_batch, resources.database, identity)
    response.headers["Location"] = f"/batches/{identity}"
    return Batch.of(_read(identity, resources))


@router.delete(
    "/{batch_id}",
    status_code=204,
    responses=answers(ErrorCode.BATCH_NOT_FINAL),
    summary="Delete an ended batch",
)
def delete_one(batch_id: str, resources: Resources) -> None:
    """Delete the batch, the rows of its file and its report; products and jobs stay."""
    delete_batch(resources.database, parse_id(batch_id, "batch"))


def _read(batch_id: UUID, resources: ApiResources) -> BatchView:
    batch = read_batch(resources.database, batch_id)
    if batch is None:
        raise not_found(batch_id, "batch")
    return batch
