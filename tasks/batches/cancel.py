"""Use case: cancel a batch: plan no more, end the jobs that wait, ask for the end of the others.

The request is written first. What follows is done in slices, so a process that dies in between
leaves a request that the next call, or the batch's coordinator, continues to fulfil.
"""

from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import BatchState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.jobs import Job
from infra.db.retry import again_after_conflict
from tasks.batches.find import locked_batch
from tasks.batches.settle import settle_batch
from tasks.jobs.cancel import cancel_locked
from tasks.jobs.state_changes import end_waiting_cancelled

_SLICE = 500


def cancel_batch(database: Database, batch_id: UUID) -> None:
    """Cancel all jobs of the batch that have not ended; those that a worker holds end soon.

    The batch is cancelled when the last of them has ended. Cancelling again does no harm. Raises
    `Rejected`: 404 when there is no such batch, 409 when it has ended otherwise.
    """
    request_cancel(database, batch_id)
    while _end_some_waiting(database, batch_id):
        pass
    _ask_holders(database, batch_id)
    settle_batch(database, batch_id)


@again_after_conflict
def request_cancel(database: Database, batch_id: UUID) -> None:
    """Write the request: from then on nothing is planned or packed. Raises as `cancel_batch`."""
    with database.transaction() as session:
        batch = locked_batch(session, batch_id)
        if batch.state is BatchState.CANCELLED:
            return
        if batch.state is not BatchState.RUNNING:
            raise Rejected(
                409,
                ErrorCode.BATCH_IS_FINAL,
                f"The batch is {batch.state} already; there is nothing left to cancel.",
            )
        if batch.cancel_requested_at is None:
            batch.cancel_requested_at = func.now()


@again_after_conflict
def _end_some_waiting(database: Database, batch_id: UUID) -> int:
    waiting = select(Job).where(Job.batch_id == batch_id, Job.state == JobState.QUEUED)
    with database.transaction() as session:
        if not _is_wanted(session, batch_id):
            return 0
        jobs = session.scalars(waiting.order_by(Job.id).limit(_SLICE).with_for_update()).all()
        if jobs:
            end_waiting_cancelled(session, jobs)
        return len(jobs)


@again_after_conflict
def _ask_holders(database: Database, batch_id: UUID) -> None:
    unasked = or_(Job.cancel_requested_at.is_(None), Job.lease_expires_at <= func.now())
    held = select(Job).where(Job.batch_id == batch_id, Job.state == JobState.RUNNING, unasked)
    with database.transaction() as session:
        if not _is_wanted(session, batch_id):
            return
        for job in session.scalars(held.order_by(Job.id).with_for_update()).all():
            cancel_locked(session, job)


def _is_wanted(session: Session, batch_id: UUID) -> bool:
    """Whether the batch was not retried meanwhile; it cannot be before we commit."""
    wish = select(Batch.id).where(
        Batch.id == batch_id,
        Batch.state == BatchState.RUNNING,
        Batch.cancel_requested_at.is_not(None),
    )
    return session.scalar(wish.with_for_update(read=True)) is not None
