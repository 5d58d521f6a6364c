"""Use case: see how far jobs are, many at once and cheaply, to notice what has changed.

Reads rows only. Knows nothing of who watches and how often.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import load_only

from infra.contract.states import ImageState, JobState, Outcome
from infra.db.engine import Database
from infra.db.models.jobs import Job, JobImage
from tasks.views import ErrorView

_SHOWN_OF_A_JOB = load_only(
    *(Job.state, Job.round, Job.attempts, Job.finished_at, Job.error_code, Job.error_detail)
)


@dataclass(frozen=True, slots=True)
class ImageSnapshot:
    """What a job has done for one image so far."""

    id: UUID
    position: int
    state: ImageState
    outcome: Outcome | None
    error: ErrorView | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job at one moment, with its images by position."""

    id: UUID
    state: JobState
    round: int
    attempts: int
    error: ErrorView | None
    finished_at: datetime | None
    images: tuple[ImageSnapshot, ...]

    def count(self, state: ImageState) -> int:
        """Return how many images are in this state."""
        return sum(image.state is state for image in self.images)


def read_snapshots(database: Database, job_ids: Collection[UUID]) -> dict[UUID, JobSnapshot]:
    """Return the jobs by id; one that does not exist is left out.

    The jobs are read before their images, so that no reader sees a job's end without all that led
    to it.
    """
    with database.transaction() as session:
        found = select(Job).where(Job.id.in_(job_ids)).options(_SHOWN_OF_A_JOB)
        jobs = session.scalars(found).all()
        made = select(JobImage).where(JobImage.job_id.in_(job_ids)).order_by(JobImage.position)
        images: dict[UUID, list[ImageSnapshot]] = {job_id: [] for job_id in job_ids}
        for row in session.scalars(made):
            image = ImageSnapshot(
                id=row.image_id,
                position=row.position,
                state=row.state,
                outcome=row.outcome,
                error=ErrorView.of(row.error_code, row.error_detail, retryable=row.error_retryable),
                finished_at=row.finished_at,
            )
            images[row.job_id].append(image)
        return {
            job.id: JobSnapshot(
                id=job.id,
                state=job.state,
                round=job.round,
                attempts=job.attempts,
                error=ErrorView.of(job.error_code, job.error_detail, retryable=True),
                finished_at=job.finished_at,
                images=tuple(images[job.id]),
            )
            for job in jobs
        }
