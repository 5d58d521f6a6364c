"""Use case: put jobs of batches that wait alone into chunks, each bounded in work and in jobs.

Several processes may pack at once: a row that another one has in hand is left to it. One chunk
is one transaction, so that memory stays flat however many jobs wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, extract, func, not_, or_, select, update
from sqlalchemy.orm import Session

from infra.db.batches import Batch, Chunk
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models import Job, JobImage
from infra.settings import BulkSettings
from infra.states import BatchState, ChunkState, JobState

DEFAULT_IMAGE_SECONDS = 1.0
"""What one image costs until the first chunks have told."""

_RECENT_CHUNKS = 20
_LEAST_IMAGE_SECONDS = 0.01  # a chunk of what was there already says nothing about the next


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A job without a chunk, and how many of its images are unfinished."""

    job_id: UUID
    batch_id: UUID
    images: int


def pack_due(database: Database, settings: BulkSettings, batch_id: UUID | None = None) -> int:
    """Pack all jobs that are due, of one batch or of all; return how many were packed.

    Jobs of a batch that is being cancelled are left alone. Those of a batch that has ended are
    packed: somebody had them done again. Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    total = 0
    image_seconds: float | None = None
    while True:
        with database.transaction() as session:
            waiting = _next(session, settings, batch_id)
            if not waiting:
                return total
            if image_seconds is None:
                image_seconds = _median_image_seconds(session)
            total += _pack(session, _fitting(waiting, settings, image_seconds))


def _next(session: Session, settings: BulkSettings, batch_id: UUID | None) -> list[_Waiting]:
    """Lock the next jobs of one batch, in its order."""
    statement = (
        select(Job.id, Job.batch_id, _unfinished_images())
        .join(Batch, Batch.id == Job.batch_id)
        .where(_is_due())
        .order_by(Job.batch_id, Job.batch_position, Job.id)
        .limit(settings.chunk_jobs)
        .with_for_update(of=Job, skip_locked=True)
    )
    if batch_id is not None:
        statement = statement.where(Job.batch_id == batch_id)
    found = [
        _Waiting(job_id, batch, images)
        for job_id, batch, images in session.execute(statement).tuples()
        if batch is not None
    ]
    return [each for each in found if each.batch_id == found[0].batch_id]


def _is_due() -> ColumnElement[bool]:
    is_being_cancelled = and_(
        Batch.state == BatchState.RUNNING, Batch.cancel_requested_at.is_not(None)
    )
    return and_(
        Job.state == JobState.QUEUED,
        Job.batch_id.is_not(None),
        Job.chunk_id.is_(None),
        or_(Job.not_before.is_(None), Job.not_before <= func.now()),
        not_(is_being_cancelled),
    )


def _unfinished_images() -> ColumnElement[int]:
    counting = select(func.count()).where(JobImage.job_id == Job.id, JobImage.finished_at.is_(None))
    return counting.scalar_subquery()


def _fitting(
    waiting: Sequence[_Waiting], settings: BulkSettings, image_seconds: float
) -> list[_Waiting]:
    """Take jobs while their work fits; one job always does."""
    chosen: list[_Waiting] = []
    left_seconds = float(settings.chunk_seconds)
    for each in waiting:
        left_seconds -= each.images * image_seconds
        if chosen and left_seconds < 0:
            break
        chosen.append(each)
    return chosen


def _pack(session: Session, jobs: Sequence[_Waiting]) -> int:
    chunk = Chunk(
        id=new_id(),
        batch_id=jobs[0].batch_id,
        state=ChunkState.QUEUED,
        jobs=len(jobs),
        images=sum(each.images for each in jobs),
    )
    session.add(chunk)
    session.flush()
    session.execute(
        update(Job)
        .where(Job.id.in_([each.job_id for each in jobs]))
        # The chunk's message brings them: nobody has to look at them for dispatching.
        .values(chunk_id=chunk.id, dispatched_at=func.now())
    )
    return len(jobs)


def _median_image_seconds(session: Session) -> float:
    """Return the seconds that an image took in the newest chunks, by the jobs' own clocks."""
    recent = (
        select(Chunk.id)
        .where(Chunk.state == ChunkState.DONE)
        .order_by(Chunk.id.desc())
        .limit(_RECENT_CHUNKS)
    )
    images = select(func.count()).where(JobImage.job_id == Job.id).scalar_subquery()
    seconds = extract("epoch", Job.finished_at - Job.started_at) / func.nullif(images, 0)
    median = select(func.percentile_cont(0.5).within_group(seconds)).where(
        Job.chunk_id.in_(recent), Job.state == JobState.READY
    )
    found = session.scalar(median)
    if found is None:
        return DEFAULT_IMAGE_SECONDS
    return max(float(found), _LEAST_IMAGE_SECONDS)
