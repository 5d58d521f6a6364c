"""How a chunk's row leaves a state. The caller has the row locked and knows that it may.

A chunk that ends lets go of every job that has no final state: they are packed again.
"""

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from infra.contract.states import ChunkState, JobState
from infra.db.models.batches import Chunk
from infra.db.models.jobs import Job
from tasks.jobs.state_changes import end_given_up

_OPEN = (JobState.QUEUED, JobState.RUNNING)


def end_chunk(session: Session, chunk: Chunk) -> None:
    """Make the chunk done."""
    session.execute(
        update(Job)
        .where(Job.chunk_id == chunk.id, Job.state.in_(_OPEN))
        .values(chunk_id=None, dispatched_at=None)
    )
    chunk.state = ChunkState.DONE
    chunk.lease_owner, chunk.lease_expires_at = None, None
    chunk.finished_at = func.now()


def give_up_chunk(session: Session, chunk: Chunk) -> None:
    """Fail the jobs without a worker, with the code `gave_up`, and finish the chunk.

    Jobs are locked before the product and its images, as a claim does.
    """
    free = (
        select(Job)
        .where(Job.chunk_id == chunk.id, Job.state.in_(_OPEN))
        .where((Job.lease_expires_at.is_(None)) | (Job.lease_expires_at <= func.now()))
        .order_by(Job.id)
        .with_for_update(skip_locked=True)
    )
    for job in session.scalars(free).all():
        job.attempts = max(job.attempts, chunk.attempts)  # told in the error's sentence
        end_given_up(session, job)
    session.flush()
    end_chunk(session, chunk)
