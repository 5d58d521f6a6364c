"""`GET /jobs`, `GET /jobs/{id}`, and retry and cancel."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.auth.permissions import SeesQueries
from api.dependencies import Resources
from api.openapi.problem_examples import answers
from api.resources import ApiResources
from api.schemas.ids import not_found, parse_id, parse_optional_id
from api.schemas.jobs import Job, JobHead, JobPage
from api.schemas.paging import next_page
from infra.contract.errors import ErrorCode
from infra.contract.source_refs import without_query
from infra.contract.states import JobState, Lane
from infra.db.storable import Moment, SkuFilter
from tasks.jobs.cancel import cancel
from tasks.jobs.read import JobFilter, list_jobs, read_job
from tasks.jobs.retry import retry

router = APIRouter(prefix="/jobs", tags=["jobs"])

_NOT_RETRIED = answers(ErrorCode.JOB_NOT_FINAL, ErrorCode.NOTHING_TO_RETRY)


@router.get("", response_model=JobPage, summary="List jobs, newest first")
def get_jobs(
    request: Request,
    resources: Resources,
    state: JobState | None = None,
    sku: SkuFilter | None = None,
    product_id: str | None = None,
    lane: Lane | None = None,
    since: Moment | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobPage:
    """Return one page; `next` leads to the following one."""
    wanted = JobFilter(
        limit=limit,
        state=state,
        sku=sku,
        product_id=parse_optional_id(product_id, "product"),
        lane=lane,
        since=since,
        before=parse_optional_id(before, "job"),
    )
    jobs = list_jobs(resources.database, wanted)
    following = next_page(request, [job.id for job in jobs], limit=limit)
    return JobPage(jobs=[JobHead.of(job) for job in jobs], next=following)


@router.get("/{job_id}", response_model=Job, summary="Show a job")
def get_job(job_id: str, resources: Resources, sees_queries: SeesQueries) -> Job:
    """Return the job with the outcome of each image."""
    job = _show(parse_id(job_id, "job"), resources)
    if not sees_queries:
        for image in job.images:
            image.source_url = without_query(image.source_url)
    return job


@router.post(
    "/{job_id}/retry",
    status_code=202,
    response_model=Job,
    responses=_NOT_RETRIED,
    summary="Retry the failed images of a job",
)
def post_retry(job_id: str, resources: Resources, response: Response) -> Job:
    """Queue the failed images of an ended job; ready images stay as they are."""
    identity = parse_id(job_id, "job")
    retry(resources.database, identity)
    resources.dispatcher.wake()
    response.headers["Location"] = f"/jobs/{identity}"
    return _show(identity, resources)


@router.post(
    "/{job_id}/images/{image_id}/retry",
    status_code=202,
    response_model=Job,
    responses=_NOT_RETRIED,
    summary="Retry one failed image of a job",
)
def post_image_retry(job_id: str, image_id: str, resources: Resources, response: Response) -> Job:
    """Queue one failed image of an ended job; the others stay as they are."""
    identity = parse_id(job_id, "job")
    retry(resources.database, identity, image_id=parse_id(image_id, "image"))
    resources.dispatcher.wake()
    response.headers["Location"] = f"/jobs/{identity}"
    return _show(identity, resources)


@router.post(
    "/{job_id}/cancel",
    response_model=Job,
    summary="Cancel a job",
    responses={
        202: {"model": Job, "description": "A worker holds the job and will end it"},
        **answers(ErrorCode.JOB_IS_FINAL),
    },
)
def post_cancel(job_id: str, resources: Resources, response: Response) -> Job:
    """Cancel a queued job at once (200); tell the worker of a running job to stop (202)."""
    identity = parse_id(job_id, "job")
    cancel(resources.database, identity)
    job = _show(identity, resources)
    response.status_code = 200 if job.state.is_final else 202
    return job


def _show(job_id: UUID, resources: ApiResources) -> Job:
    job = read_job(resources.database, job_id)
    if job is None:
        raise not_found(job_id, "job")
    return Job.full(job, resources.configuration.assets.public_asset_url)
