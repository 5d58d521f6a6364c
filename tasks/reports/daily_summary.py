"""Use case: sum up a day: what was done, what it saved, what failed, who was slow."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Integer, Select, cast, func, select
from sqlalchemy.orm import Session

from infra.contract.states import ImageState, JobState, Lane, Outcome
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original, Variant, source_host
from infra.db.models.jobs import Job, JobImage
from tasks.reports.error_counts import ErrorCount, Span, count_errors, ended_within

_ERRORS = 10
_SUPPLIERS = 10


@dataclass(frozen=True, slots=True)
class JobCount:
    """How many jobs of a lane ended in a state."""

    lane: Lane
    state: JobState
    jobs: int


@dataclass(frozen=True, slots=True)
class ImageSums:
    """What became of the images of all jobs that ended.

    `source_bytes` came in for the images that were made again; `variant_bytes` is all that was
    made of them, `largest_bytes` the largest variant of each, which is what a page used to load.
    """

    created: int = 0
    deduplicated: int = 0
    unchanged: int = 0
    failed: int = 0
    source_bytes: int = 0
    variant_bytes: int = 0
    largest_bytes: int = 0


@dataclass(frozen=True, slots=True)
class SupplierTime:
    """How long the jobs with images of a host took, from their start to their end."""

    host: str
    images: int
    failed: int
    median_seconds: float
    longest_seconds: float


@dataclass(frozen=True, slots=True)
class DaySummary:
    """Everything about one day, in UTC."""

    day: date
    jobs: tuple[JobCount, ...]
    images: ImageSums
    errors: tuple[ErrorCount, ...]
    suppliers: tuple[SupplierTime, ...]


def summarise(database: Database, day: date) -> DaySummary:
    """Sum up the jobs that ended on a day. Raises `ServiceUnavailable`."""
    start = datetime.combine(day, time(), UTC)
    span = Span(start, start + timedelta(days=1))
    jobs = (
        select(Job.lane, Job.state, func.count().label("jobs"))
        .where(ended_within(span))
        .group_by(Job.lane, Job.state)
        .order_by(Job.lane, Job.state)
    )
    with database.transaction() as session:
        return DaySummary(
            day=day,
            jobs=tuple(JobCount(*row) for row in session.execute(jobs).tuples()),
            images=_images(session, span),
            errors=count_errors(session, span, limit=_ERRORS),
            suppliers=_suppliers(session, span),
        )


def _images(session: Session, span: Span) -> ImageSums:
    outcomes = dict(
        session.execute(
            select(JobImage.outcome, func.count())
            .join(Job, Job.id == JobImage.job_id)
            .where(ended_within(span))
            .group_by(JobImage.outcome)
        )
        .tuples()
        .all()
    )
    failed = session.scalar(
        select(func.count())
        .select_from(JobImage)
        .join(Job, Job.id == JobImage.job_id)
        .where(ended_within(span), JobImage.state == ImageState.FAILED)
    )
    sources, variants, largest = _bytes(session, span)
    return ImageSums(
        created=outcomes.get(Outcome.CREATED, 0),
        deduplicated=outcomes.get(Outcome.DEDUPLICATED, 0),
        unchanged=outcomes.get(Outcome.UNCHANGED, 0),
        failed=failed or 0,
        source_bytes=sources,
        variant_bytes=variants,
        largest_bytes=largest,
    )


def _bytes(session: Session, span: Span) -> tuple[int, int, int]:
    """Return the bytes of sources, of all variants, and of the largest variants."""
    made = (
        select(JobImage.original_sha256, JobImage.fingerprint)
        .join(Job, Job.id == JobImage.job_id)
        .where(ended_within(span), JobImage.outcome == Outcome.CREATED)
        .distinct()
        .subquery()
    )
    each = (
        select(
            func.max(Original.bytes).label("source"),
            func.sum(Variant.bytes).label("variants"),
            func.max(Variant.bytes).label("largest"),
        )
        .select_from(made)
        .join(Original, Original.sha256 == made.c.original_sha256)
        .join(
            Variant,
            (Variant.original_sha256 == made.c.original_sha256)
            & (Variant.fingerprint == made.c.fingerprint),
        )
        .group_by(made.c.original_sha256, made.c.fingerprint)
        .subquery()
    )
    sums = session.execute(
        select(func.sum(each.c.source), func.sum(each.c.variants), func.sum(each.c.largest))
    ).one()
    return int(sums[0] or 0), int(sums[1] or 0), int(sums[2] or 0)


def _suppliers(session: Session, span: Span) -> tuple[SupplierTime, ...]:
    each = _jobs_by_host(span).subquery()
    median = func.percentile_cont(0.5).within_group(each.c.seconds).label("median")
    rows = session.execute(
        select(
            each.c.host,
            func.sum(each.c.images).label("images"),
            func.sum(each.c.failed).label("failed"),
            median,
            func.max(each.c.seconds).label("longest"),
        )
        .where(each.c.host.is_not(None))
        .group_by(each.c.host)
        .order_by(median.desc(), each.c.host)
        .limit(_SUPPLIERS)
    )
    return tuple(
        SupplierTime(
            host=row.host,
            images=int(row.images),
            failed=int(row.failed),
            median_seconds=float(row.median),
            longest_seconds=float(row.longest),
        )
        for row in rows
    )


def _jobs_by_host(span: Span) -> Select[Any]:
    """Select a row per job and host: an uploaded file has none."""
    host = source_host().label("host")
    return (
        select(
            host,
            func.extract("epoch", Job.finished_at - Job.started_at).label("seconds"),
            func.count().label("images"),
            func.sum(cast(JobImage.state == ImageState.FAILED, Integer)).label("failed"),
        )
        .select_from(JobImage)
        .join(Job, Job.id == JobImage.job_id)
        .join(Image, Image.id == JobImage.image_id)
        .where(ended_within(span), Job.started_at.is_not(None), Job.state != JobState.CANCELLED)
        .group_by(host, Job.id)
    )
