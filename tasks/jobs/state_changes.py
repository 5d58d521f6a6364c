"""How a job's row leaves a state. The caller has the row locked and knows that it may.

Knows nothing of claims: what is guarded by a fencing token is guarded before this.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode
from infra.contract.states import ImageState, JobState
from infra.db.models.jobs import Job, JobImage
from tasks.jobs.unfinished import fail_unfinished, fail_unfinished_of, lock_products
from tasks.webhooks.announce import announce_jobs

CANCELLED_IMAGE = "The job was cancelled before this image was finished. Retry the job to make it."


def end(
    session: Session,
    job: Job,
    *,
    state: JobState,
    code: str | None = None,
    detail: str | None = None,
) -> None:
    """Make the job final, and owe receivers a message about it.

    `code` and `detail` say what went wrong with the job as a whole. Its images are written before.
    """
    job.state = state
    job.lease_owner, job.lease_expires_at = None, None
    job.error_code, job.error_detail = code, detail
    job.finished_at = func.now()
    announce_jobs(session, [job])


def end_cancelled(session: Session, job: Job) -> None:
    """Make the job final as cancelled."""
    fail_unfinished(session, job, code=ErrorCode.CANCELLED, detail=CANCELLED_IMAGE)
    end(session, job, state=JobState.CANCELLED)


def end_waiting_cancelled(session: Session, jobs: Sequence[Job]) -> None:
    """Do the same for many jobs without a worker, with few statements."""
    ids = [job.id for job in jobs]
    lock_products(session, {job.product_id for job in jobs})
    fail_unfinished_of(session, ids, code=ErrorCode.CANCELLED, detail=CANCELLED_IMAGE)
    ended = {"state": JobState.CANCELLED, "cancel_requested_at": func.now()}
    statement = update(Job).where(Job.id.in_(ids)).values(**ended, finished_at=func.now())
    fresh = session.scalars(statement.returning(Job), execution_options={"populate_existing": True})
    announce_jobs(session, fresh.all())


def end_given_up(session: Session, job: Job) -> None:
    """Make the job final because too many attempts ended without a result."""
    detail = f"{job.attempts} attempts ended without a result. Trying again later may help."
    fail_unfinished(session, job, code=ErrorCode.GAVE_UP, detail=detail)
    end(session, job, state=overall_state(session, job), code=ErrorCode.GAVE_UP, detail=detail)


def overall_state(session: Session, job: Job) -> JobState:
    """Return the state that all the job's images add up to, whichever attempt finished them."""
    states = set(session.scalars(select(JobImage.state).where(JobImage.job_id == job.id)))
    if states == {ImageState.READY}:
        return JobState.READY
    return JobState.PARTIAL if ImageState.READY in states else JobState.FAILED
