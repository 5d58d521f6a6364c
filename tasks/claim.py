"""Use case: take a job for this process.

A claim is a lease in PostgreSQL with a fencing token. The token rises with each claim and
guards every later write, so that a process that slept past its lease cannot write.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from infra.db.engine import Database
from infra.db.models import Image, Job, JobImage, Original, Product
from infra.errors import ErrorCode
from infra.settings import WorkerSettings
from infra.sources import uploaded_sha256
from infra.states import ImageState, JobState, Lane


@dataclass(frozen=True, slots=True)
class ClaimedImage:
    """An image that this attempt has to process.

    `stored_key` is set when the bytes are in our store already (an uploaded file).
    `current_sha256` and `current_fingerprint` say what the product shows now.
    """

    id: UUID
    position: int
    source_url: str
    stored_key: str | None
    current_sha256: str | None
    current_fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, valid while the lease is renewed."""

    job_id: UUID
    fencing_token: int
    attempt: int
    product_id: UUID
    sku: str | None
    preset: str
    lane: Lane
    images: tuple[ClaimedImage, ...]


class Unclaimed(Enum):
    """Why a job cannot be claimed."""

    ABSENT = auto()  # deleted with its product
    FINAL = auto()
    PARKED = auto()  # waits for its time; will be dispatched again
    HELD_HERE = auto()
    HELD_ELSEWHERE = auto()
    GAVE_UP = auto()  # this call made it final: too many attempts


def claim(
    database: Database, job_id: UUID, *, owner: str, settings: WorkerSettings
) -> Claim | Unclaimed:
    """Claim a queued job, or a running one whose lease has expired.

    Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    with database.transaction() as session:
        job = session.get(Job, job_id, with_for_update=True)
        if job is None:
            return Unclaimed.ABSENT
        obstacle = _obstacle(session, job, owner)
        if obstacle is not None:
            return obstacle
        if job.attempts >= settings.max_attempts:
            _give_up(session, job)
            return Unclaimed.GAVE_UP
        job.state = JobState.RUNNING
        job.fencing_token += 1
        job.attempts += 1
        job.lease_owner = owner
        job.lease_expires_at = func.now() + timedelta(seconds=settings.lease_seconds)
        job.started_at = func.coalesce(Job.started_at, func.now())
        session.flush()
        return _describe(session, job)


def _obstacle(session: Session, job: Job, owner: str) -> Unclaimed | None:
    if job.state.is_final:
        return Unclaimed.FINAL
    now = session.scalars(select(func.now())).one()
    if job.state is JobState.QUEUED:
        parked = job.not_before is not None and job.not_before > now
        return Unclaimed.PARKED if parked else None
    if job.lease_expires_at is not None and job.lease_expires_at > now:
        return Unclaimed.HELD_HERE if job.lease_owner == owner else Unclaimed.HELD_ELSEWHERE
    return None


def _give_up(session: Session, job: Job) -> None:
    detail = f"{job.attempts} attempts ended without a result. Trying again later may help."
    failure = {
        "state": ImageState.FAILED,
        "error_code": ErrorCode.GAVE_UP,
        "error_detail": detail,
        "error_retryable": True,
    }
    unfinished = (
        select(JobImage.image_id)
        .where(JobImage.job_id == job.id, JobImage.finished_at.is_(None))
        .scalar_subquery()
    )
    # First the product, as in every transaction that writes its images: else two wait in a circle.
    session.execute(
        update(Product).where(Product.id == job.product_id).values(updated_at=func.now())
    )
    session.execute(
        update(Image).where(Image.id.in_(unfinished)).values(**failure, updated_at=func.now())
    )
    session.execute(
        update(JobImage)
        .where(JobImage.job_id == job.id, JobImage.finished_at.is_(None))
        .values(**failure, finished_at=func.now())
    )
    job.state = JobState.FAILED
    job.error_code, job.error_detail = ErrorCode.GAVE_UP, detail
    job.lease_owner, job.lease_expires_at = None, None
    job.finished_at = func.now()


def _describe(session: Session, job: Job) -> Claim:
    """Read what the attempt needs: only images that no earlier attempt has finished."""
    sku = session.scalars(select(Product.sku).where(Product.id == job.product_id)).one()
    rows = session.execute(
        select(JobImage.position, Image)
        .join(Image, Image.id == JobImage.image_id)
        .where(JobImage.job_id == job.id, JobImage.finished_at.is_(None))
        .order_by(JobImage.position)
    ).all()
    uploads = [sha for row in rows if (sha := uploaded_sha256(row.Image.source_url))]
    stored = dict(
        session.execute(
            select(Original.sha256, Original.object_key).where(Original.sha256.in_(uploads))
        )
        .tuples()
        .all()
    )
    images = tuple(
        ClaimedImage(
            id=row.Image.id,
            position=row.position,
            source_url=row.Image.source_url,
            stored_key=stored.get(uploaded_sha256(row.Image.source_url) or ""),
            current_sha256=row.Image.original_sha256,
            current_fingerprint=row.Image.fingerprint,
        )
        for row in rows
    )
    return Claim(
        job_id=job.id,
        fencing_token=job.fencing_token,
        attempt=job.attempts,
        product_id=job.product_id,
        sku=sku,
        preset=job.preset,
        lane=job.lane,
        images=images,
    )
