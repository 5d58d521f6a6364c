"""Use case: retry the failed jobs of a chunk, when its run was retried."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from infra.contract.states import ChunkState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Chunk
from infra.db.models.jobs import Job
from tasks.jobs.retry import retry_locked

_AGAIN = (JobState.FAILED, JobState.PARTIAL, JobState.CANCELLED)


def reopen_chunk(
    database: Database, chunk_id: UUID, *, flow_run_id: UUID, wished_at: datetime
) -> bool:
    """Queue the failed jobs and the chunk; only when it ended before the request.

    Returns whether there was something to do again. The caller claims the chunk at once, so
    nothing publishes it.
    """
    with database.transaction() as session:
        chunk = session.get(Chunk, chunk_id, with_for_update=True)
        if chunk is None or chunk.finished_at is None or chunk.finished_at >= wished_at:
            return False
        failed = select(Job).where(Job.chunk_id == chunk_id, Job.state.in_(_AGAIN))
        jobs = session.scalars(failed.order_by(Job.id).with_for_update()).all()
        reopened = [job for job in jobs if retry_locked(session, job)]
        for job in reopened:
            job.chunk_id, job.dispatched_at = chunk_id, func.now()
        if not reopened:
            return False
        chunk.state, chunk.attempts = ChunkState.QUEUED, 0
        chunk.finished_at, chunk.dispatched_at = None, func.now()
        chunk.flow_run_id = flow_run_id
        return True
