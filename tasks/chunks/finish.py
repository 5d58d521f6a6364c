"""Use case: end a chunk that was worked on, or whose run was cancelled.

Its jobs without a final state go back to the batch.
"""

from collections import Counter
from enum import Enum, auto
from uuid import UUID

from sqlalchemy import func, select

from infra.contract.states import ChunkState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Chunk
from infra.db.models.jobs import Job
from tasks.chunks.claim import ChunkClaim
from tasks.chunks.state_changes import end_chunk
from tasks.jobs.lease import lock_held


class Release(Enum):
    """What became of the request."""

    NOT_A_CHUNK = auto()
    ENDED = auto()  # by this call or before
    HELD = auto()  # a worker has it, and sees the request itself


def finish_chunk(database: Database, claim: ChunkClaim) -> Counter[JobState] | None:
    """End a claimed chunk.

    Return how many jobs of all its attempts were in each state, None when it was not ours.
    """
    with database.transaction() as session:
        chunk = lock_held(session, claim)
        if chunk is None:
            return None
        states = Counter(session.scalars(select(Job.state).where(Job.chunk_id == chunk.id)))
        end_chunk(session, chunk)
        return states


def release_run(database: Database, flow_run_id: UUID) -> Release:
    """End the chunk that this run shows, unless a worker holds it."""
    mine = select(Chunk).where(Chunk.flow_run_id == flow_run_id).limit(1).with_for_update()
    with database.transaction() as session:
        chunk = session.scalars(mine).first()
        if chunk is None:
            return Release.NOT_A_CHUNK
        if chunk.state is ChunkState.DONE:
            return Release.ENDED
        now = session.scalars(select(func.now())).one()
        if chunk.lease_expires_at is not None and chunk.lease_expires_at > now:
            return Release.HELD
        end_chunk(session, chunk)
        return Release.ENDED
