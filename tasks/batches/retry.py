"""Use case: have the failed and cancelled jobs of a batch done again."""

from uuid import UUID

from sqlalchemy import select

from infra.db.batches import Batch
from infra.db.engine import Database
from infra.db.models import Job
from infra.errors import ErrorCode, Rejected
from infra.states import BatchState, JobState
from tasks.retry import retry_locked

_AGAIN = (JobState.FAILED, JobState.PARTIAL, JobState.CANCELLED)


def retry_batch(database: Database, batch_id: UUID) -> None:
    """Open the batch and those jobs again. 404, or 409 when it runs or nothing is to do."""
    with database.transaction() as session:
        batch = session.get(Batch, batch_id, with_for_update={"key_share": True})
        if batch is None:
            raise Rejected(404, ErrorCode.NOT_FOUND, f"There is no batch {batch_id}.")
        if batch.state is BatchState.RUNNING:
            raise Rejected(409, ErrorCode.JOB_NOT_FINAL, "The batch is still running.")
        wanted = select(Job).where(Job.batch_id == batch_id, Job.state.in_(_AGAIN))
        jobs = session.scalars(wanted.order_by(Job.id).with_for_update()).all()
        reopened = [job for job in jobs if retry_locked(session, job)]
        if not reopened and batch.planned_at is not None:
            raise Rejected(409, ErrorCode.NOTHING_TO_RETRY, "None of the batch's jobs has failed.")
        batch.state = BatchState.RUNNING
        batch.finished_at = batch.cancel_requested_at = batch.flow_run_id = None
        batch.lease_owner = batch.lease_expires_at = None
        batch.round += 1
