"""Use case: take a job for this process.

A claim is a lease in PostgreSQL with a fencing token. The token rises with each claim and
guards every later write, so that a process that slept past its lease cannot write.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.contract.source_refs import uploaded_sha256
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original
from infra.db.models.jobs import Job, JobImage
from infra.settings.sections import JobSettings
from tasks.jobs.state_changes import end_cancelled, end_given_up
from tasks.jobs.unfinished import lock_product, start_unfinished
from tasks.steps.results import ClaimedImage


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job, valid while the lease is renewed.

    `flow_run_id` is the run that showed an earlier attempt of this round, `round` how often a
    person had the job done again. `claimed_at` is PostgreSQL's time of the claim. The last three
    are as those of the job: no supplier is asked, variants are encoded again that are there, and
    images keep their state until they were made.
    """

    job_id: UUID
    fencing_token: int
    attempt: int
    product_id: UUID
    sku: str | None
    preset: str
    lane: Lane
    flow_run_id: UUID | None
    round: int
    claimed_at: datetime
    images: tuple[ClaimedImage, ...]
    batch_id: UUID | None = None
    from_stored: bool = False
    force: bool = False
    quiet: bool = False


class Unclaimed(Enum):
    """Why a job cannot be claimed."""

    ABSENT = auto()  # deleted with its product
    FINAL = auto()
    PARKED = auto()  # waits for its time; will be dispatched again
    HELD_HERE = auto()
    HELD_ELSEWHERE = auto()
    GAVE_UP = auto()  # this call made it final: too many attempts
    CANCELLED = auto()  # this call made it final: it is to be cancelled, and no worker has it


def claim(
    database: Database, job_id: UUID, *, owner: str, settings: JobSettings
) -> Claim | Unclaimed:
    """Claim a queued job, or a running one whose lease has expired.

    Its unfinished images are shown as `processing` from then on, unless the job is quiet.
    Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    with database.transaction() as session:
        wanted = select(Job, func.now()).where(Job.id == job_id).with_for_update(of=Job)
        row = session.execute(wanted).tuples().one_or_none()
        if row is None:
            return Unclaimed.ABSENT
        job, now = row
        obstacle = _obstacle(job, owner, now)
        if obstacle is not None:
            return obstacle
        if job.cancel_requested_at is not None:
            end_cancelled(session, job)
            return Unclaimed.CANCELLED
        if job.attempts >= settings.max_attempts:
            end_given_up(session, job)
            return Unclaimed.GAVE_UP
        _take(job, owner, now + timedelta(seconds=settings.lease_seconds))
        sku = lock_product(session, job.product_id)
        start_unfinished(session, job)
        return _describe(session, job, sku=sku, claimed_at=now)


def _obstacle(job: Job, owner: str, now: datetime) -> Unclaimed | None:
    if job.state.is_final:
        return Unclaimed.FINAL
    if job.state is JobState.QUEUED:
        parked = job.not_before is not None and job.not_before > now
        return Unclaimed.PARKED if parked else None
    if job.lease_expires_at is not None and job.lease_expires_at > now:
        return Unclaimed.HELD_HERE if job.lease_owner == owner else Unclaimed.HELD_ELSEWHERE
    return None


def _take(job: Job, owner: str, until: datetime) -> None:
    job.state = JobState.RUNNING
    job.fencing_token += 1
    job.attempts += 1
    job.lease_owner, job.lease_expires_at = owner, until
    job.started_at = func.coalesce(Job.started_at, func.now())


def _describe(session: Session, job: Job, *, sku: str | None, claimed_at: datetime) -> Claim:
    """Read what the attempt needs: only images that no earlier attempt has finished."""
    rows = session.execute(
        select(JobImage.position, Image)
        .join(Image, Image.id == JobImage.image_id)
        .where(JobImage.job_id == job.id, JobImage.finished_at.is_(None))
        .order_by(JobImage.position)
    ).all()
    stored = _stored_keys(session, {_stored_content(row.Image, job) for row in rows})
    images = tuple(
        ClaimedImage(
            id=row.Image.id,
            position=row.position,
            source_url=row.Image.source_url,
            stored_key=stored.get(_stored_content(row.Image, job)),
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
        flow_run_id=job.flow_run_id,
        round=job.round,
        claimed_at=claimed_at,
        images=images,
        batch_id=job.batch_id,
        from_stored=job.from_stored,
        force=job.force,
        quiet=job.quiet,
    )


def _stored_content(image: Image, job: Job) -> str | None:
    """Return the SHA-256 of what is read from our store; None when the supplier is asked."""
    shown = image.original_sha256 if job.from_stored else None
    return shown or uploaded_sha256(image.source_url)


def _stored_keys(session: Session, contents: Set[str | None]) -> dict[str | None, str]:
    if contents <= {None}:
        return {}
    keys = select(Original.sha256, Original.object_key).where(Original.sha256.in_(contents))
    return dict(session.execute(keys).tuples().all())
