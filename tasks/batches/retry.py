"""Use case: have done again what failed of a batch, and planned what was not planned yet.

The jobs are queued first, slice by slice, and the batch runs again at last: should the process die
in between, the batch is still final and retrying it again goes on.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import BatchState, ImageState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.jobs import Job, JobImage
from infra.db.retry import again_after_conflict
from tasks.batches.find import locked_batch
from tasks.batches.lead import Leader
from tasks.batches.settle import UNFINISHED
from tasks.jobs.retry import BEGINNING, queue_failed_images
from tasks.jobs.unfinished import lock_products

_SLICE = 500
_RETRYABLE = (JobState.FAILED, JobState.PARTIAL, JobState.CANCELLED)


def retry_batch(database: Database, batch_id: UUID, *, leader: Leader | None = None) -> None:
    """Queue the failed images of all its jobs again, and let the batch run.

    A `leader` leads it from the first moment, so that no other run begins to show the batch.
    Raises `Rejected`: 404 when there is no such batch, 409 when it has not ended or nothing of it
    failed or is missing.
    """
    interrupted = (Job.batch_id == batch_id) & Job.state.in_(UNFINISHED)
    with database.transaction() as session:
        batch = locked_batch(session, batch_id)
        if batch.state is BatchState.RUNNING:
            raise Rejected(
                409,
                ErrorCode.BATCH_NOT_FINAL,
                "The batch is still running; cancel it first or wait.",
            )
        is_whole = batch.planned_at is not None and not _any(session, interrupted)
        if is_whole and not _any(session, _has_failed(batch_id)):
            raise Rejected(
                409, ErrorCode.NOTHING_TO_RETRY, "None of the batch's images has failed."
            )
    while _reopen_some(database, batch_id):
        pass
    _run_again(database, batch_id, leader)


@again_after_conflict
def _reopen_some(database: Database, batch_id: UUID) -> int:
    """Queue the failed images of some jobs; a job that was opened has none, so this ends."""
    failed_jobs = select(Job).where(_has_failed(batch_id)).order_by(Job.id).limit(_SLICE)
    with database.transaction() as session:
        if locked_batch(session, batch_id).state is BatchState.RUNNING:
            return 0  # another call was faster
        jobs = session.scalars(failed_jobs.with_for_update(of=Job)).all()
        if not jobs:
            return 0
        lock_products(session, {job.product_id for job in jobs})
        failed = JobImage.job_id.in_([job.id for job in jobs])
        opened = queue_failed_images(session, failed & (JobImage.state == ImageState.FAILED))
        again = {**BEGINNING, "round": Job.round + 1, "flow_run_id": None}
        statement = update(Job).where(Job.id.in_(opened)).values(**again)
        session.execute(statement, execution_options={"synchronize_session": False})
        return len(jobs)


@again_after_conflict
def _run_again(database: Database, batch_id: UUID, leader: Leader | None) -> None:
    with database.transaction() as session:
        batch = locked_batch(session, batch_id)
        if batch.state is BatchState.RUNNING:
            return
        batch.state = BatchState.RUNNING
        batch.finished_at = batch.cancel_requested_at = batch.flow_run_id = None
        batch.round = Batch.round + 1
        if leader is not None:
            batch.flow_run_id, batch.lease_owner = leader.flow_run_id, leader.owner
            batch.lease_expires_at = func.now() + timedelta(seconds=leader.lease_seconds)


def _has_failed(batch_id: UUID) -> ColumnElement[bool]:
    has_failed = exists().where(JobImage.job_id == Job.id, JobImage.state == ImageState.FAILED)
    return (Job.batch_id == batch_id) & Job.state.in_(_RETRYABLE) & has_failed


def _any(session: Session, condition: ColumnElement[bool]) -> bool:
    return bool(session.scalar(select(exists().where(condition))))
