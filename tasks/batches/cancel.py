"""Use case: cancel a batch: queued jobs at once, running ones as soon as they hear of it."""

from uuid import UUID

from sqlalchemy import func, select

from infra.db.batches import Batch
from infra.db.engine import Database
from infra.db.models import Job
from infra.errors import ErrorCode, Rejected
from infra.states import BatchState, JobState
from tasks.cancel import cancel_locked

_SLICE = 200


def cancel_batch(database: Database, batch_id: UUID) -> None:
    """Request it, and cancel slice by slice; calling again goes on. 404, or 409 when final."""
    with database.transaction() as session:
        batch = session.get(Batch, batch_id, with_for_update={"key_share": True})
        if batch is None:
            raise Rejected(404, ErrorCode.NOT_FOUND, f"There is no batch {batch_id}.")
        if batch.state is not BatchState.RUNNING:
            raise Rejected(409, ErrorCode.JOB_IS_FINAL, f"The batch is {batch.state} already.")
        if batch.cancel_requested_at is None:
            batch.cancel_requested_at = func.now()
    while _cancel_slice(database, batch_id):
        pass


def _cancel_slice(database: Database, batch_id: UUID) -> int:
    open_jobs = (
        select(Job)
        .where(
            Job.batch_id == batch_id,
            Job.state.in_((JobState.QUEUED, JobState.RUNNING)),
            Job.cancel_requested_at.is_(None),
        )
        .order_by(Job.id)
        .limit(_SLICE)
        .with_for_update()
    )
    with database.transaction() as session:
        jobs = session.scalars(open_jobs).all()
        for job in jobs:
            cancel_locked(session, job)
        return len(jobs)
