"""Use case: retry the failed images of a job; ready ones stay as they are."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from infra.db.models.catalogue import Image
from infra.db.models.jobs import Job, JobImage
from infra.request_id import current_request_id
from tasks.jobs.unfinished import NO_ERROR, lock_product

BEGINNING: dict[str, Any] = {
    "state": JobState.QUEUED,
    "attempts": 0,
    **dict.fromkeys(("dispatched_at", "not_before", "cancel_requested_at", "chunk_id")),
    **dict.fromkeys(("started_at", "finished_at", "error_code", "error_detail")),
}
"""What a job is like that begins again; a job of a batch waits to be packed."""


def retry(database: Database, job_id: UUID, *, image_id: UUID | None = None) -> None:
    """Queue the job's failed images again, or one of them: a new round with its own flow run.

    Also images whose failure calls itself permanent: a person asks for it. Raises `Rejected`:
    404 when there is no such job or no such image of it, 409 when the job has not ended or
    nothing has failed that could be queued.
    """
    with database.transaction() as session:
        job = session.get(Job, job_id, with_for_update=True)
        if job is None:
            raise Rejected(404, ErrorCode.NOT_FOUND, f"There is no job {job_id}.")
        if image_id is not None and session.get(JobImage, (job_id, image_id)) is None:
            raise Rejected(404, ErrorCode.NOT_FOUND, f"The job has no image {image_id}.")
        if not job.state.is_final:
            raise Rejected(
                409,
                ErrorCode.JOB_NOT_FINAL,
                "The job is still running; cancel it first or wait.",
            )
        if not _queue_failed(session, job, image_id=image_id):
            every = "None of the job's images has failed."
            detail = every if image_id is None else "This image of the job has not failed."
            raise Rejected(409, ErrorCode.NOTHING_TO_RETRY, detail)
        _next_round(job)


def retry_locked(session: Session, job: Job) -> bool:
    """Do it in the caller's transaction, which has the row of a final job locked.

    Returns False for a job without a failed image.
    """
    if not _queue_failed(session, job):
        return False
    _next_round(job)
    return True


def _next_round(job: Job) -> None:
    _begin_again(job)
    job.request_id = current_request_id() or job.request_id
    job.round += 1
    job.flow_run_id = None


def reopen(database: Database, job_id: UUID, *, flow_run_id: UUID, wished_at: datetime) -> bool:
    """Queue the failed images again for a run that a person retried in Prefect's UI.

    Only when the job ended before the request and images have failed; returns whether it was so.
    The caller claims the job at once, so nothing publishes it.
    """
    with database.transaction() as session:
        job = session.get(Job, job_id, with_for_update=True)
        if job is None or job.finished_at is None or job.finished_at >= wished_at:
            return False
        if not _queue_failed(session, job):
            return False
        _begin_again(job)
        job.flow_run_id = flow_run_id
        job.dispatched_at = func.now()
        return True


def _queue_failed(session: Session, job: Job, *, image_id: UUID | None = None) -> bool:
    """Queue the failed images, or that one, in both tables; return whether there were any."""
    lock_product(session, job.product_id)
    failed = (JobImage.job_id == job.id) & (JobImage.state == ImageState.FAILED)
    if image_id is not None:
        failed &= JobImage.image_id == image_id
    return bool(queue_failed_images(session, failed))


def queue_failed_images(session: Session, failed: ColumnElement[bool]) -> set[UUID]:
    """Queue these images of jobs in both tables; return the jobs that have one.

    The caller has locked the jobs and their products.
    """
    waiting = {"state": ImageState.QUEUED, **NO_ERROR}
    shown = failed & JobImage.job_id.in_(select(Job.id).where(Job.quiet.is_(False)))
    session.execute(
        update(Image)
        .where(Image.id.in_(select(JobImage.image_id).where(shown)))
        .values(**waiting, updated_at=func.now())
    )
    queued = update(JobImage).where(failed).values(**waiting, finished_at=None)
    return set(session.scalars(queued.returning(JobImage.job_id)))


def _begin_again(job: Job) -> None:
    for name, value in BEGINNING.items():
        setattr(job, name, value)
