"""Use case: take a job for this process."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.contract.source_refs import uploaded_sha256
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original
from infra.db.models.jobs import Job, JobImage
from infra.settings.sections import JobSettings
from tasks.jobs.lease import Unclaimed, WorkClaim, lock_free, take
from tasks.jobs.state_changes import end_cancelled, end_given_up
from tasks.jobs.unfinished import lock_product, start_unfinished
from tasks.steps.results import ClaimedImage


@dataclass(frozen=True, slots=True)
class Claim(WorkClaim[Job]):
    """The right to work on a job, valid while the lease is renewed.

    `flow_run_id` is the run that showed an earlier attempt of this round, `round` how often a
    person had the job done again. `claimed_at` is PostgreSQL's time of the claim. The last three
    are as those of the job: no supplier is asked, variants are encoded again that are there, and
    images keep their state until they were made. `request_id` is for the logs.
    `waited_seconds` is how long the job was due before its first attempt; None for a later one.
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
    request_id: str | None = None
    waited_seconds: float | None = None

    @property
    def table(self) -> type[Job]:
        """The table of jobs."""
        return Job

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self.job_id


def claim(
    database: Database, job_id: UUID, *, owner: str, settings: JobSettings
) -> Claim | Unclaimed:
    """Claim a queued job, or a running one whose lease has expired.

    Its unfinished images are shown as `processing` from then on, unless the job is quiet.
    Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    with database.transaction() as session:
        found = lock_free(session, Job, job_id, owner=owner)
        if isinstance(found, Unclaimed):
            return found
        job, now = found
        if job.state is JobState.QUEUED and job.not_before is not None and job.not_before > now:
            return Unclaimed.PARKED
        if job.cancel_requested_at is not None:
            end_cancelled(session, job)
            return Unclaimed.CANCELLED
        if job.attempts >= settings.max_attempts:
            end_given_up(session, job)
            return Unclaimed.GAVE_UP
        take(job, owner, now + timedelta(seconds=settings.lease_seconds))
        sku = lock_product(session, job.product_id)
        start_unfinished(session, job)
        return _describe(session, job, sku=sku, claimed_at=now)


def _describe(session: Session, job: Job, *, sku: str | None, claimed_at: datetime) -> Claim:
    """Read what the attempt needs: only images that no earlier attempt has finished."""
    rows = session.execute(
        select(JobImage.position, Image)
        .join(Image, Image.id == JobImage.image_id)
        .where(JobImage.job_id == job.id, JobImage.finished_at.is_(None))
        .order_by(JobImage.position)
    ).all()
    stored: dict[str | None, str] = {}
    contents = {_stored_content(row.Image, job) for row in rows}
    if not contents <= {None}:
        keys = select(Original.sha256, Original.object_key).where(Original.sha256.in_(contents))
        stored.update(session.execute(keys).tuples().all())
    images = tuple(
        ClaimedImage(
            id=row.Image.id,
            position=row.position,
            source_url=row.Image.source_url,
            stored_key=stored.get(_stored_content(row.Image, job)),
            current_sha256=row.Image.original_sha256,
            current_fingerprint=row.Image.fingerprint,
            focus=row.Image.focus,
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
        request_id=job.request_id,
        waited_seconds=_waited_seconds(job, claimed_at),
    )


def _waited_seconds(job: Job, claimed_at: datetime) -> float | None:
    if job.fencing_token > 1:
        return None
    due_at = max(job.created_at, job.not_before or job.created_at)
    return (claimed_at - due_at).total_seconds()


def _stored_content(image: Image, job: Job) -> str | None:
    """Return the SHA-256 of what is read from our store; None when the supplier is asked."""
    shown = image.original_sha256 if job.from_stored else None
    return shown or uploaded_sha256(image.source_url)
