"""Use case: show jobs. A job shows its own outcome, not today's state of its images."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.db.models.batches import Chunk
from infra.db.models.catalogue import Image, Original, Preview, Product
from infra.db.models.jobs import Job, JobImage
from tasks.contents.page_facts import page_of, preview_of
from tasks.contents.variants import read_variants
from tasks.views import ErrorView, ImageView, JobSummary, JobView
from tasks.workers.waiting_reasons import waiting_for


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list, newest first; `before` is the last id of the page before."""

    limit: int
    state: JobState | None = None
    sku: str | None = None
    product_id: UUID | None = None
    lane: Lane | None = None
    since: datetime | None = None
    before: UUID | None = None


def read_job(database: Database, job_id: UUID) -> JobView | None:
    """Return the job, or None when there is none with this id."""
    with database.transaction() as session:
        row = session.execute(_jobs().where(Job.id == job_id)).one_or_none()
        if row is None:
            return None
        job = row.Job
        return JobView(
            summary=_summary(job, row.sku, flow_run_id=row.flow_run_id),
            metadata=job.details,
            error=ErrorView.of(job.error_code, job.error_detail, retryable=True),
            images=_images(session, job_id),
            waiting_for=waiting_for(session, job),
        )


def list_jobs(database: Database, wanted: JobFilter) -> tuple[JobSummary, ...]:
    """Return one page of jobs, newest first."""
    statement = _jobs().where(*_conditions(wanted)).order_by(Job.id.desc()).limit(wanted.limit)
    with database.transaction() as session:
        rows = session.execute(statement)
        return tuple(_summary(row.Job, row.sku, flow_run_id=row.flow_run_id) for row in rows)


def _conditions(wanted: JobFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.state is not None:
        yield Job.state == wanted.state
    if wanted.sku is not None:
        yield Product.sku == wanted.sku
    if wanted.product_id is not None:
        yield Job.product_id == wanted.product_id
    if wanted.lane is not None:
        yield Job.lane == wanted.lane
    if wanted.since is not None:
        yield Job.created_at >= wanted.since
    if wanted.before is not None:
        yield Job.id < wanted.before


def _jobs() -> Select[tuple[Job, str | None, UUID | None]]:
    """A job that travels, or has ended, in a chunk is shown by the chunk's run."""
    shown_by: ColumnElement[UUID | None] = func.coalesce(Job.flow_run_id, Chunk.flow_run_id)
    return (
        select(Job, Product.sku, shown_by.label("flow_run_id"))
        .join(Product, Product.id == Job.product_id)
        .outerjoin(Chunk, Chunk.id == Job.chunk_id)
    )


def _images(session: Session, job_id: UUID) -> tuple[ImageView, ...]:
    rows = session.execute(
        select(JobImage, Image.source_url, Original, Preview)
        .join(Image, Image.id == JobImage.image_id)
        .outerjoin(Original, Original.sha256 == JobImage.original_sha256)
        .outerjoin(Preview, preview_of(JobImage.original_sha256, JobImage.fingerprint))
        .where(JobImage.job_id == job_id)
        .order_by(JobImage.position)
    ).all()
    sets = [(row.JobImage.original_sha256, row.JobImage.fingerprint) for row in rows]
    variants = read_variants(session, sets)
    return tuple(
        ImageView(
            id=row.JobImage.image_id,
            position=row.JobImage.position,
            source_url=row.source_url,
            source_bytes=None if row.Original is None else row.Original.bytes,
            state=row.JobImage.state,
            outcome=row.JobImage.outcome,
            error=ErrorView.of(
                row.JobImage.error_code,
                row.JobImage.error_detail,
                retryable=row.JobImage.error_retryable,
            ),
            page=page_of(row.Preview, row.Original),
            variants=variants[key],
        )
        for row, key in zip(rows, sets, strict=True)
    )


def _summary(job: Job, sku: str | None, *, flow_run_id: UUID | None) -> JobSummary:
    return JobSummary(
        id=job.id,
        state=job.state,
        lane=job.lane,
        attempts=job.attempts,
        flow_run_id=flow_run_id,
        product_id=job.product_id,
        sku=sku,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
