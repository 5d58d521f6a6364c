"""Which errors images ended with in a span of time, the most frequent first."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from infra.contract.states import ImageState, JobState
from infra.db.models.jobs import Job, JobImage


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time: from `start`, before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How many images failed with a code."""

    code: str
    images: int


def ended_within(span: Span) -> ColumnElement[bool]:
    """Return the condition that a job ended in the span."""
    return and_(Job.finished_at >= span.start, Job.finished_at < span.end)


def count_errors(session: Session, span: Span, *, limit: int) -> tuple[ErrorCount, ...]:
    """Count the failed images of jobs that ended in the span; cancelled jobs do not count."""
    images = func.count().label("images")
    rows = session.execute(
        select(JobImage.error_code, images)
        .join(Job, Job.id == JobImage.job_id)
        .where(
            ended_within(span),
            Job.state != JobState.CANCELLED,
            JobImage.state == ImageState.FAILED,
            JobImage.error_code.is_not(None),
        )
        .group_by(JobImage.error_code)
        .order_by(images.desc(), JobImage.error_code)
        .limit(limit)
    )
    return tuple(ErrorCount(row.error_code, row.images) for row in rows)
