"""Use case: cancel a job, from the API or from Prefect's UI.

A job without a worker is cancelled at once. Otherwise its worker sees the request within a second
and ends the job, with what it has made by then.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from tasks.jobs.claim import Claim
from tasks.jobs.state_changes import end_cancelled
from tasks.jobs.status import JobStatus, status_of


def cancel(database: Database, job_id: UUID) -> JobStatus:
    """Cancel the job, or request it; return where the job stands then.

    A job that is cancelled or asked for already stays as it is. Raises `Rejected`: 404 when
    there is no such job, 409 when it has ended otherwise.
    """
    with database.transaction() as session:
        job = session.get(Job, job_id, with_for_update=True)
        if job is None:
            raise Rejected(404, ErrorCode.NOT_FOUND, f"There is no job {job_id}.")
        if job.state.is_final and job.state is not JobState.CANCELLED:
            raise Rejected(
                409,
                ErrorCode.JOB_IS_FINAL,
                f"The job is {job.state} already; there is nothing left to cancel.",
            )
        return cancel_locked(session, job)


def cancel_flow_run(database: Database, flow_run_id: UUID) -> JobStatus | None:
    """Do the same for the job that this flow run shows; None when it shows none of ours.

    A job that has ended stays as it is.
    """
    newest = select(Job).where(Job.flow_run_id == flow_run_id).order_by(Job.id.desc()).limit(1)
    with database.transaction() as session:
        job = session.scalars(newest.with_for_update()).first()
        return None if job is None else cancel_locked(session, job)


def cancel_locked(session: Session, job: Job) -> JobStatus:
    """Do it in the caller's transaction, which has the job's row locked."""
    if not job.state.is_final:
        if job.cancel_requested_at is None:
            job.cancel_requested_at = func.now()
        status = status_of(session, job.id)
        if status is None or not status.lease_is_live:
            end_cancelled(session, job)
        session.flush()
    status = status_of(session, job.id)
    if status is None:
        raise RuntimeError(f"job {job.id} vanished while its row was locked")
    return status


def cancel_requests(database: Database, claims: Collection[Claim]) -> frozenset[UUID]:
    """Return the ids of those of the still held jobs that are to be cancelled."""
    if not claims:
        return frozenset()
    mine = or_(*(claim.is_held() for claim in claims))
    with database.transaction() as session:
        wanted = select(Job.id).where(mine, Job.cancel_requested_at.is_not(None))
        return frozenset(session.scalars(wanted))
