"""`GET /jobs` and `GET /jobs/{id}`."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator

from api.dependencies import Resources
from api.ids import not_found, parse_id
from api.requests import require_storable
from api.responses import Job, JobHead, JobPage
from infra.states import JobState
from tasks.read_job import JobFilter, list_jobs, read_job

router = APIRouter(prefix="/jobs", tags=["jobs"])


def _storable(sku: str | None) -> str | None:
    if sku is not None:
        require_storable(sku)
    return sku


def _in_utc(since: datetime | None) -> datetime | None:
    """PostgreSQL knows no zone that is 16 hours or more away."""
    if since is None or since.tzinfo is None:
        return since
    try:
        return since.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError("is beyond the end of the calendar") from exc


@router.get("", response_model=JobPage, summary="List jobs, newest first")
def get_jobs(
    request: Request,
    resources: Resources,
    state: JobState | None = None,
    sku: Annotated[str | None, AfterValidator(_storable)] = None,
    since: Annotated[datetime | None, AfterValidator(_in_utc)] = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobPage:
    """Return one page; `next` leads to the following one."""
    wanted = JobFilter(
        limit=limit,
        state=state,
        sku=sku,
        since=since,
        before=None if before is None else parse_id(before, "job"),
    )
    jobs = list_jobs(resources.database, wanted)
    following = None
    if len(jobs) == limit:
        query = {**request.query_params, "before": str(jobs[-1].id)}
        following = f"/jobs?{urlencode(query)}"
    return JobPage(jobs=[JobHead.of(job) for job in jobs], next=following)


@router.get("/{job_id}", response_model=Job, summary="Show a job")
def get_job(job_id: str, resources: Resources) -> Job:
    """Return the job with what it did for each image."""
    job = read_job(resources.database, parse_id(job_id, "job"))
    if job is None:
        raise not_found(job_id, "job")
    return Job.full(job, resources.configuration.assets.public_asset_url)
