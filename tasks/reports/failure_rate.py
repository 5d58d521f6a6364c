"""Use case: compute the recent failure rate, and the most frequent errors."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Float, Integer, case, cast, func, select

from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job, JobImage
from tasks.reports.error_counts import ErrorCount, Span, count_errors, ended_within

_ERRORS = 3


@dataclass(frozen=True, slots=True)
class FailureRate:
    """Of `jobs` that ended in a span of time, `failed` failed; the errors explain it.

    `failed` is a sum of weights: 1 for a failed job, for a partial one the share of its images
    that failed. Cancelled jobs are in neither number.
    """

    jobs: int
    failed: float
    errors: tuple[ErrorCount, ...] = ()

    @property
    def share(self) -> float:
        """The failed part of all jobs, from 0 to 1."""
        return self.failed / self.jobs if self.jobs else 0.0


def failure_rate(database: Database, *, window_seconds: float) -> FailureRate:
    """Look at the jobs that ended within the window before now, by PostgreSQL's clock.

    Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    failed_share = (
        select(func.avg(cast(JobImage.state == ImageState.FAILED, Integer)))
        .where(JobImage.job_id == Job.id)
        .scalar_subquery()
    )
    weight = case(
        (Job.state == JobState.FAILED, 1.0),
        (Job.state == JobState.PARTIAL, cast(failed_share, Float)),
        else_=0.0,
    )
    counted = select(func.count(), func.coalesce(func.sum(weight), 0.0))
    with database.transaction() as session:
        now = session.scalars(select(func.now())).one()
        span = Span(now - timedelta(seconds=window_seconds), now + timedelta(seconds=1))
        ended = counted.where(ended_within(span), Job.state != JobState.CANCELLED)
        jobs, failed = session.execute(ended).one()
        errors = count_errors(session, span, limit=_ERRORS) if failed else ()
        return FailureRate(int(jobs), float(failed), errors)
