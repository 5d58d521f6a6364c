"""Use case: publish what was committed but not yet dispatched: single jobs, and chunks of jobs.

Called by the API's dispatcher thread after each commit, and by the sweep as a safety net.
A crash between publishing and committing publishes again: the claim makes that harmless.
"""

from datetime import timedelta

from sqlalchemy import func, or_, select, update

from infra.broker.broker import Publisher
from infra.contract.messages import ChunkMessage, JobMessage
from infra.contract.states import ChunkState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Chunk
from infra.db.models.jobs import Job
from infra.settings.sections import DispatchSettings


def dispatch_due(database: Database, publisher: Publisher, settings: DispatchSettings) -> int:
    """Publish due jobs, one batch of them, then due chunks, and mark them; return how many.

    A job of a batch never travels alone. Fewer than the batch size were all that was due.
    Raises `ServiceUnavailable` when PostgreSQL or the broker is away; nothing is marked then.
    """
    due = (
        select(Job.id, Job.lane, Job.request_id)
        .where(
            Job.state == JobState.QUEUED,
            Job.dispatched_at.is_(None),
            Job.batch_id.is_(None),
            or_(Job.not_before.is_(None), Job.not_before <= func.now()),
        )
        .order_by(Job.created_at)
        .limit(settings.batch_size)
        .with_for_update(skip_locked=True)
    )
    with database.transaction() as session:
        jobs = session.execute(due).all()
        if jobs:
            publisher.publish([JobMessage(*job) for job in jobs])
            mine = update(Job).where(Job.id.in_([job.id for job in jobs]))
            session.execute(mine.values(dispatched_at=func.now()))
    left = settings.batch_size - len(jobs)
    return len(jobs) + dispatch_chunks(database, publisher, limit=left)


def dispatch_chunks(database: Database, publisher: Publisher, *, limit: int) -> int:
    """Publish queued chunks that have no message on its way; return how many."""
    if limit <= 0:
        return 0
    due = (
        select(Chunk.id)
        .where(Chunk.state == ChunkState.QUEUED, Chunk.dispatched_at.is_(None))
        .order_by(Chunk.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    with database.transaction() as session:
        chunks = session.scalars(due).all()
        if not chunks:
            return 0
        publisher.publish([ChunkMessage(chunk_id) for chunk_id in chunks])
        session.execute(update(Chunk).where(Chunk.id.in_(chunks)).values(dispatched_at=func.now()))
    return len(chunks)


def dispatch_all(database: Database, publisher: Publisher, settings: DispatchSettings) -> int:
    """Publish all that is due, batch by batch; return how many there were."""
    total = 0
    while count := dispatch_due(database, publisher, settings):
        total += count
    return total


def forget_lost_dispatches(database: Database, settings: DispatchSettings) -> int:
    """Mark jobs and chunks for another dispatch whose message seems lost; return how many.

    One that waits this long either stands in a long queue, where a second message is
    harmless, or its message went down with the broker's disk.
    """
    lost = func.now() - timedelta(seconds=settings.lost_after_seconds)
    jobs = (
        update(Job)
        .where(Job.state == JobState.QUEUED, Job.batch_id.is_(None), Job.dispatched_at < lost)
        .values(dispatched_at=None)
        .returning(Job.id)
    )
    chunks = (
        update(Chunk)
        .where(Chunk.state == ChunkState.QUEUED, Chunk.dispatched_at < lost)
        .values(dispatched_at=None)
        .returning(Chunk.id)
    )
    with database.transaction() as session:
        return len(session.scalars(jobs).all()) + len(session.scalars(chunks).all())
