"""Use case: put jobs of batches that wait alone into chunks, each bounded in work and in jobs.

Several processes may pack at once: a row that another one has in hand is left to it. A transaction
packs some chunks and no more, so that memory stays flat however many jobs wait.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, extract, func, insert, not_, or_, select, text
from sqlalchemy.orm import Session

from infra.contract.states import BatchState, ChunkState, JobState
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models.batches import Batch, Chunk
from infra.db.models.jobs import Job, JobImage
from infra.settings.sections import BulkSettings

DEFAULT_IMAGE_SECONDS = 1.0
"""What one image costs until the first chunks have told."""

_RECENT_CHUNKS = 20
_LEAST_IMAGE_SECONDS = 0.01  # a chunk of what was there already says nothing about the next
_LEAST_JOBS_AT_ONCE = 1000  # that one transaction looks at

# The chunk's message brings them: they are not dispatched one by one.
_PUT_INTO_CHUNKS = text("""
    UPDATE jobs SET chunk_id = r.chunk_id, dispatched_at = now()
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, chunk_id uuid)
    WHERE jobs.id = r.id
""")


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A job without a chunk, and how many of its images are unfinished."""

    job_id: UUID
    batch_id: UUID
    images: int


def pack_due(database: Database, settings: BulkSettings, batch_id: UUID | None = None) -> int:
    """Pack all jobs that are due, of one batch or of all; return how many were packed.

    Jobs of a batch that is being cancelled are left alone. Those of a batch that has ended are
    packed: they were retried. Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    total = 0
    at_once = max(_LEAST_JOBS_AT_ONCE, settings.chunk_jobs)
    image_seconds: float | None = None
    while True:
        with database.transaction() as session:
            waiting = _next(session, batch_id, limit=at_once)
            if not waiting:
                return total
            if image_seconds is None:
                image_seconds = _median_image_seconds(session)
            loads = _loads(waiting, settings, image_seconds)
            is_all = len(waiting) < at_once
            if not is_all and len(loads) > 1:
                loads.pop()  # the next look may find more for it
            total += _pack(session, loads)
        if is_all:
            return total


def _next(session: Session, batch_id: UUID | None, *, limit: int) -> list[_Waiting]:
    """Lock the next jobs that are due, batch by batch in the order of each."""
    unfinished = select(func.count()).where(
        JobImage.job_id == Job.id, JobImage.finished_at.is_(None)
    )
    statement = (
        select(Job.id, Job.batch_id, unfinished.scalar_subquery())
        .join(Batch, Batch.id == Job.batch_id)
        .where(
            Job.state == JobState.QUEUED,
            Job.batch_id.is_not(None),
            Job.chunk_id.is_(None),
            or_(Job.not_before.is_(None), Job.not_before <= func.now()),
            not_(and_(Batch.state == BatchState.RUNNING, Batch.cancel_requested_at.is_not(None))),
        )
        .order_by(Job.batch_id, Job.batch_position, Job.id)
        .limit(limit)
        .with_for_update(of=Job, skip_locked=True)
    )
    if batch_id is not None:
        statement = statement.where(Job.batch_id == batch_id)
    return [
        _Waiting(job_id, batch, images)
        for job_id, batch, images in session.execute(statement).tuples()
        if batch is not None
    ]


def _loads(
    waiting: Sequence[_Waiting], settings: BulkSettings, image_seconds: float
) -> list[list[_Waiting]]:
    """Divide the jobs: a load is of one batch and fits into a chunk, or is a single job."""
    loads: list[list[_Waiting]] = []
    left_seconds = 0.0
    for each in waiting:
        seconds = each.images * image_seconds
        left_seconds -= seconds
        load = loads[-1] if loads else []
        is_full = left_seconds < 0 or len(load) >= settings.chunk_jobs
        if not load or is_full or load[0].batch_id != each.batch_id:
            load = []
            loads.append(load)
            left_seconds = settings.chunk_seconds - seconds
        load.append(each)
    return loads


def _pack(session: Session, loads: Sequence[Sequence[_Waiting]]) -> int:
    """Write a chunk for each load; return the number of jobs."""
    chunks = [
        {
            "id": new_id(),
            "batch_id": load[0].batch_id,
            "state": ChunkState.QUEUED,
            "jobs": len(load),
            "images": sum(each.images for each in load),
        }
        for load in loads
    ]
    session.execute(insert(Chunk), chunks)
    rows = [
        {"id": str(each.job_id), "chunk_id": str(chunk["id"])}
        for chunk, load in zip(chunks, loads, strict=True)
        for each in load
    ]
    session.execute(_PUT_INTO_CHUNKS, {"rows": json.dumps(rows)})
    return len(rows)


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
