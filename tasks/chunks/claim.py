"""Use case: take a chunk for this process, with a lease and a fencing token like a job's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.contract.states import BatchKind, ChunkState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Batch, Chunk
from infra.db.models.jobs import Job
from infra.settings.sections import JobSettings
from tasks.chunks.state_changes import end_chunk, give_up_chunk
from tasks.jobs.claim import Unclaimed


@dataclass(frozen=True, slots=True)
class ChunkClaim:
    """The right to work on a chunk, valid while the lease is renewed.

    `flow_run_id` is the run that showed an earlier attempt, if there was one. `job_ids` are the
    jobs without a final state, in the batch's order; each is claimed by itself before work.
    """

    chunk_id: UUID
    batch_id: UUID
    batch_kind: BatchKind
    batch_name: str | None
    fencing_token: int
    attempt: int
    flow_run_id: UUID | None
    job_ids: tuple[UUID, ...]


def claim_chunk(
    database: Database, chunk_id: UUID, *, owner: str, settings: JobSettings
) -> ChunkClaim | Unclaimed:
    """Claim a queued chunk, or a running one whose lease has expired.

    A chunk in which nothing is left to do ends here. One that was begun too often ends too, and
    its jobs fail. Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    with database.transaction() as session:
        chunk = session.get(Chunk, chunk_id, with_for_update=True)
        if chunk is None:
            return Unclaimed.ABSENT
        now = session.scalars(select(func.now())).one()
        obstacle = _obstacle(chunk, owner, now)
        if obstacle is not None:
            return obstacle
        if chunk.attempts >= settings.max_attempts:
            give_up_chunk(session, chunk)
            return Unclaimed.GAVE_UP
        job_ids = _open_jobs(session, chunk_id)
        if not job_ids:
            end_chunk(session, chunk)
            return Unclaimed.FINAL
        _take(chunk, owner, now + timedelta(seconds=settings.lease_seconds))
        return _describe(session, chunk, job_ids)


def describe_chunk(database: Database, chunk_id: UUID) -> ChunkClaim | None:
    """Return what a claim of the chunk would say, without claiming it; None when it is gone."""
    with database.transaction() as session:
        chunk = session.get(Chunk, chunk_id)
        return None if chunk is None else _describe(session, chunk, _open_jobs(session, chunk_id))


def _obstacle(chunk: Chunk, owner: str, now: datetime) -> Unclaimed | None:
    if chunk.state is ChunkState.DONE:
        return Unclaimed.FINAL
    if chunk.lease_expires_at is not None and chunk.lease_expires_at > now:
        return Unclaimed.HELD_HERE if chunk.lease_owner == owner else Unclaimed.HELD_ELSEWHERE
    return None


def _open_jobs(session: Session, chunk_id: UUID) -> tuple[UUID, ...]:
    statement = (
        select(Job.id)
        .where(Job.chunk_id == chunk_id, Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .order_by(Job.batch_position, Job.id)
    )
    return tuple(session.scalars(statement))


def _take(chunk: Chunk, owner: str, until: datetime) -> None:
    chunk.state = ChunkState.RUNNING
    chunk.fencing_token += 1
    chunk.attempts += 1
    chunk.lease_owner, chunk.lease_expires_at = owner, until
    chunk.started_at = func.coalesce(Chunk.started_at, func.now())


def _describe(session: Session, chunk: Chunk, job_ids: tuple[UUID, ...]) -> ChunkClaim:
    batch = session.get_one(Batch, chunk.batch_id)
    return ChunkClaim(
        chunk_id=chunk.id,
        batch_id=chunk.batch_id,
        batch_kind=batch.kind,
        batch_name=batch.name,
        fencing_token=chunk.fencing_token,
        attempt=chunk.attempts,
        flow_run_id=chunk.flow_run_id,
        job_ids=job_ids,
    )
