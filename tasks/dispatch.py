"""Use case: publish what was committed but not yet dispatched.

Called by the API's dispatcher thread after each commit, and by the sweep as a safety net.
A crash between publishing and committing publishes again: the claim makes that harmless.
"""

from datetime import timedelta

from sqlalchemy import func, or_, select, update

from infra.broker.broker import Publisher
from infra.db.engine import Database
from infra.db.models import Job
from infra.messages import JobMessage
from infra.settings import DispatchSettings
from infra.states import JobState


def dispatch_due(database: Database, publisher: Publisher, settings: DispatchSettings) -> int:
    """Publish one batch of due jobs and mark them; return how many there were.

    Raises `ServiceUnavailable` when PostgreSQL or the broker is away; nothing is marked then.
    """
    due = (
        select(Job.id, Job.lane)
        .where(
            Job.state == JobState.QUEUED,
            Job.dispatched_at.is_(None),
            or_(Job.not_before.is_(None), Job.not_before <= func.now()),
        )
        .order_by(Job.created_at)
        .limit(settings.batch_size)
        .with_for_update(skip_locked=True)
    )
    with database.transaction() as session:
        jobs = session.execute(due).all()
        if not jobs:
            return 0
        publisher.publish([JobMessage(job_id=job.id, lane=job.lane) for job in jobs])
        session.execute(
            update(Job).where(Job.id.in_([job.id for job in jobs])).values(dispatched_at=func.now())
        )
    return len(jobs)


def dispatch_all(database: Database, publisher: Publisher, settings: DispatchSettings) -> int:
    """Publish every due job, batch by batch; return how many there were."""
    total = 0
    while count := dispatch_due(database, publisher, settings):
        total += count
    return total


def forget_lost_dispatches(database: Database, settings: DispatchSettings) -> int:
    """Mark jobs for another dispatch whose message seems lost; return how many.

    A job that waits this long either stands in a long queue, where a second message is
    harmless, or its message went down with the broker's disk.
    """
    lost = func.now() - timedelta(seconds=settings.lost_after_seconds)
    with database.transaction() as session:
        result = session.execute(
            update(Job)
            .where(Job.state == JobState.QUEUED, Job.dispatched_at < lost)
            .values(dispatched_at=None)
            .returning(Job.id)
        )
        return len(result.all())
