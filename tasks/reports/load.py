"""Use case: count jobs, queues and workers, for monitoring."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, or_, select

from infra.contract.events import DeliveryState
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.db.models.jobs import Job, Worker
from infra.db.models.webhooks import WebhookDelivery
from tasks.workers.heartbeat import silent_since

_ENDED_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class JobCount:
    """Jobs of one state and lane: those that have not ended, or ended within the last hour.

    `undispatched` are due and not yet given to the broker; `oldest_seconds` is the age of the
    oldest one, since it was posted or, when it had to wait, since it was due.
    """

    state: JobState
    lane: Lane
    jobs: int
    undispatched: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """Everything that is counted, at one moment."""

    jobs: tuple[JobCount, ...]
    deliveries_pending: int
    workers_alive: int


def read_load(database: Database) -> Load:
    """Count by indexes, whatever the number of all jobs; raises `ServiceUnavailable`."""
    pending = select(func.count()).where(WebhookDelivery.state == DeliveryState.PENDING)
    alive = select(func.count()).where(Worker.seen_at >= silent_since())
    is_due = or_(Job.not_before.is_(None), Job.not_before <= func.now())
    waits = (Job.state == JobState.QUEUED) & Job.dispatched_at.is_(None) & is_due
    waiting_from = func.min(func.greatest(Job.created_at, Job.not_before))
    age = func.greatest(func.extract("epoch", func.now() - waiting_from), 0)
    counted = select(Job.state, Job.lane, func.count(), func.count().filter(waits), age)
    # One query for each index: together they would be one walk through the whole table.
    parts = (
        Job.state == JobState.QUEUED,
        Job.state == JobState.RUNNING,
        Job.finished_at > func.now() - _ENDED_WITHIN,
    )
    grouped = [counted.where(part).group_by(Job.state, Job.lane) for part in parts]
    with database.transaction() as session:
        rows = [row for each in grouped for row in session.execute(each).tuples()]
        return Load(
            jobs=tuple(
                JobCount(state, lane, jobs, undispatched, float(oldest))
                for state, lane, jobs, undispatched, oldest in rows
            ),
            deliveries_pending=session.scalars(pending).one(),
            workers_alive=session.scalars(alive).one(),
        )
