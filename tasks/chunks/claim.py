"""Use case: take a chunk for this process."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from infra.contract.states import BatchKind, JobState
from infra.db.engine import Database
from infra.db.models.batches import Batch, Chunk
from infra.db.models.jobs import Job
from infra.settings.sections import JobSettings
from tasks.chunks.state_changes import end_chunk, give_up_chunk
from tasks.jobs.lease import Unclaimed, WorkClaim, lock_free, take


@dataclass(frozen=True, slots=True)
class ChunkClaim(WorkClaim[Chunk]):
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

    @property
    def table(self) -> type[Chunk]:
        """The table of chunks."""
        return Chunk

    @property
    def id(self) -> UUID:
        """The chunk's id."""
        return self.chunk_id


def claim_chunk(
    database: Database, chunk_id: UUID, *, owner: str, settings: JobSettings
) -> ChunkClaim | Unclaimed:
    """Claim a queued chunk, or a running one whose lease has expired.

    A chunk in which nothing is left to do ends here. One that was begun too often ends too, and
    its jobs fail. Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    with database.transaction() as session:
        found = lock_free(session, Chunk, chunk_id, owner=owner)
        if isinstance(found, Unclaimed):
            return found
        chunk, now = found
        if chunk.attempts >= settings.max_attempts:
            give_up_chunk(session, chunk)
            return Unclaimed.GAVE_UP
        job_ids = _open_jobs(session, chunk_id)
        if not job_ids:
            end_chunk(session, chunk)
            return Unclaimed.FINAL
        take(chunk, owner, now + timedelta(seconds=settings.lease_seconds))
        return _describe(session, chunk, job_ids)


def describe_chunk(database: Database, chunk_id: UUID) -> ChunkClaim | None:
    """Return what a claim of the chunk would say, without claiming it; None when it is gone."""
    with database.transaction() as session:
        chunk = session.get(Chunk, chunk_id)
        return None if chunk is None else _describe(session, chunk, _open_jobs(session, chunk_id))


def _open_jobs(session: Session, chunk_id: UUID) -> tuple[UUID, ...]:
    statement = (
        select(Job.id)
        .where(Job.chunk_id == chunk_id, Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .order_by(Job.batch_position, Job.id)
    )
    return tuple(session.scalars(statement))


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
