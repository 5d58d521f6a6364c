"""Jobs, chunks and batches: each accepted one has ended, or waits for its turn, or has a worker."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Interval,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from infra.broker.rabbitmq import RabbitPublisher, read_depths
from infra.contract.states import BatchState, ChunkState, ImageState, JobState
from infra.db.models.batches import Batch, Chunk
from infra.db.models.catalogue import Image
from infra.db.models.jobs import Job, JobImage, Worker
from tasks.doctor.finding import Finding, Level, System, ok
from tasks.jobs.dispatch import dispatch_all, forget_lost_dispatches
from tasks.jobs.reclaim import reclaim_lost, republish
from tasks.workers.heartbeat import silent_since

_PATIENCE = timedelta(minutes=2)  # within that time a living system has mended it itself
_LONGEST_LEASE_SECONDS = 600  # far above what any setting makes sense for
_NAMED = 3


def check_workers(system: System) -> Finding:
    """Whether workers live and take work."""
    statement = select(Worker.owner, Worker.waits_for).where(Worker.seen_at >= silent_since())
    with system.database.transaction() as session:
        workers = session.execute(statement).tuples().all()
    if not workers:
        return Finding(Level.BROKEN, "No worker is alive.", "Start one: product-images worker.")
    waiting = sorted({reason for _, reason in workers if reason is not None})
    if waiting:
        count = sum(reason is not None for _, reason in workers)
        detail = f"{count} of {len(workers)} workers take no work: {', '.join(waiting)}."
        return Finding(
            Level.WARNING, detail, "Bring that part back; the workers go on by themselves."
        )
    return ok(f"{len(workers)} alive.")


def check_ownership(system: System) -> Finding:
    """Whether each running job and chunk has a worker that renews its lease."""
    counts = []
    for table in (Job, Chunk):
        late = func.now() - _PATIENCE
        lost = and_(table.state == JobState.RUNNING, table.lease_expires_at < late)
        counts.append(_ids(system, table, lost))
    jobs, chunks = counts
    if not jobs and not chunks:
        return ok("Each running job and chunk has a worker.")
    detail = f"{len(jobs)} jobs and {len(chunks)} chunks run without a worker{_names(jobs)}."
    if not system.repair:
        advice = "Start a worker, whose reaper recovers them, or use --repair."
        return Finding(Level.BROKEN, detail, advice)
    seconds = _PATIENCE.total_seconds()
    jobs = reclaim_lost(system.database, Job, grace_seconds=seconds)
    chunks = reclaim_lost(system.database, Chunk, grace_seconds=seconds)
    mended = f"{len(jobs)} jobs and {len(chunks)} chunks went back to the queue."
    return Finding(Level.OK, detail, repaired=mended)


def check_outbox(system: System) -> Finding:
    """Whether committed jobs and chunks reach the broker."""
    late = func.now() - _PATIENCE
    jobs = _ids(
        system,
        Job,
        and_(
            Job.state == JobState.QUEUED,
            Job.dispatched_at.is_(None),
            Job.batch_id.is_(None),
            func.greatest(Job.created_at, func.coalesce(Job.not_before, Job.created_at)) < late,
        ),
    )
    chunks = _ids(
        system,
        Chunk,
        and_(
            Chunk.state == ChunkState.QUEUED,
            Chunk.dispatched_at.is_(None),
            Chunk.created_at < late,
        ),
    )
    if not jobs and not chunks:
        return ok("All due jobs and chunks are published.")
    detail = f"{len(jobs)} jobs and {len(chunks)} chunks are due and not published{_names(jobs)}."
    if not system.repair:
        return Finding(
            Level.BROKEN, detail, "Start the API, whose dispatcher publishes them, or use --repair."
        )
    return Finding(Level.OK, detail, repaired=f"{_publish(system)} were published.")


def check_messages(system: System) -> Finding:
    """Whether what waits for a worker still has a message in the broker."""
    settings = system.settings
    lost_after = timedelta(seconds=settings.dispatch.lost_after_seconds)
    jobs = _ids(system, Job, _dispatched(Job, lost_after) & Job.batch_id.is_(None))
    chunks = _ids(system, Chunk, _dispatched(Chunk, lost_after))
    if not jobs and not chunks:
        # Without a worker nobody holds a message: an empty queue has lost them.
        jobs, chunks = _without_message(system)
    if not jobs and not chunks:
        return ok("Nothing waits for a message that was lost.")
    detail = f"The messages of {len(jobs)} jobs and {len(chunks)} chunks seem lost{_names(jobs)}."
    if not system.repair:
        advice = "A second message does no harm: use --repair to publish them again."
        return Finding(Level.BROKEN, detail, advice)
    forget_lost_dispatches(system.database, settings.dispatch)
    republish(system.database, jobs)
    with system.database.transaction() as session:
        mine = and_(Chunk.id.in_(chunks), Chunk.state == ChunkState.QUEUED)
        session.execute(update(Chunk).where(mine).values(dispatched_at=None))
    return Finding(Level.OK, detail, repaired=f"{_publish(system)} were published again.")


def check_leases(system: System) -> Finding:
    """Whether no lease lies so far ahead that its end is never reached: a clock has jumped."""
    seconds = max(
        _LONGEST_LEASE_SECONDS,
        2 * system.settings.job.lease_seconds,
        2 * system.settings.timings.batch_lease_seconds,
    )
    limit = func.now() + timedelta(seconds=seconds)
    tables = (Job, Chunk, Batch)
    far = {table: _ids(system, table, table.lease_expires_at > limit) for table in tables}
    count = sum(map(len, far.values()))
    if not count:
        return ok("No lease lies too far ahead.")
    detail = (
        f"{count} leases end more than {seconds:.0f} s from now: PostgreSQL's clock was put back."
    )
    if not system.repair:
        return Finding(
            Level.BROKEN, detail, "Use --repair to end them; a living worker renews its own."
        )
    soon = func.now() + timedelta(seconds=system.settings.job.lease_seconds)
    with system.database.transaction() as session:
        for table, ids in far.items():
            theirs = and_(table.id.in_(ids), table.lease_expires_at > limit)
            session.execute(update(table).where(theirs).values(lease_expires_at=soon))
    return Finding(Level.OK, detail, repaired=f"{count} leases end now unless they are renewed.")


def check_batches(system: System) -> Finding:
    """Whether running batches have a leader, and no job is left in what has ended."""
    late = func.now() - _PATIENCE
    free = or_(Batch.lease_expires_at.is_(None), Batch.lease_expires_at < late)
    unled = _ids(
        system, Batch, and_(Batch.state == BatchState.RUNNING, free, Batch.created_at < late)
    )
    ended = exists().where(
        Chunk.id == Job.chunk_id, Chunk.state == ChunkState.DONE, Chunk.finished_at < late
    )
    in_chunks = _ids(system, Job, and_(Job.state == JobState.QUEUED, ended))
    over = exists().where(
        Batch.id == Job.batch_id, Batch.state != BatchState.RUNNING, Batch.finished_at < late
    )
    in_batches = _ids(system, Job, and_(Job.state == JobState.QUEUED, over))
    if in_batches:
        detail = f"{len(in_batches)} jobs wait in batches that have ended{_names(in_batches)}."
        return Finding(
            Level.BROKEN, detail, "Cancel them: product-images cancel JOB; then retry the batch."
        )
    if in_chunks:
        return _leave_chunks(system, in_chunks)
    if unled:
        detail = f"{len(unled)} running batches have no leader{_names(unled)}."
        return Finding(Level.BROKEN, detail, "Start a worker: it leads them.")
    return ok("Each running batch has a leader; no job is left in what has ended.")


def _leave_chunks(system: System, job_ids: Sequence[UUID]) -> Finding:
    detail = f"{len(job_ids)} jobs wait in chunks that are done{_names(job_ids)}."
    if not system.repair:
        return Finding(Level.BROKEN, detail, "Use --repair to have them packed again.")
    done = select(Chunk.id).where(Chunk.state == ChunkState.DONE)
    mine = and_(Job.id.in_(job_ids), Job.state == JobState.QUEUED, Job.chunk_id.in_(done))
    with system.database.transaction() as session:
        session.execute(update(Job).where(mine).values(chunk_id=None))
    return Finding(Level.OK, detail, repaired="They are packed into new chunks.")


def check_results(system: System) -> Finding:
    """Whether each ended job has ended all its images, and its state is what they add up to."""
    unfinished = exists().where(JobImage.job_id == Job.id, JobImage.finished_at.is_(None))
    failed = exists().where(JobImage.job_id == Job.id, JobImage.state == ImageState.FAILED)
    ready = exists().where(JobImage.job_id == Job.id, JobImage.state == ImageState.READY)
    has_ended = Job.finished_at.is_not(None)
    recent = or_(literal(system.everything), Job.finished_at > func.now() - timedelta(days=7))
    wrong = or_(
        unfinished,
        and_(Job.state == JobState.READY, failed),
        and_(Job.state == JobState.FAILED, ready),
        and_(Job.state == JobState.PARTIAL, or_(~failed, ~ready)),
    )
    jobs = _ids(system, Job, and_(has_ended, recent, wrong))
    if not jobs:
        return ok("Ended jobs are what their images add up to.")
    detail = f"{len(jobs)} ended jobs disagree with their images{_names(jobs)}."
    return Finding(Level.BROKEN, detail, "Have them done again: product-images retry JOB.")


def check_images(system: System) -> Finding:
    """Whether each image that a product shows as unfinished has a job that finishes it."""
    owed = exists().where(
        JobImage.image_id == Image.id,
        JobImage.finished_at.is_(None),
        JobImage.job_id == Job.id,
        Job.finished_at.is_(None),
    )
    unfinished = Image.state.in_((ImageState.QUEUED, ImageState.PROCESSING))
    left = _ids(system, Image, and_(unfinished, ~owed, Image.updated_at < func.now() - _PATIENCE))
    if not left:
        return ok("Each unfinished image has a job.")
    detail = f"{len(left)} images are unfinished and no job works on them{_names(left)}."
    return Finding(
        Level.BROKEN, detail, "Post the products' images again: product-images process URL."
    )


def _dispatched(table: Any, before: timedelta) -> ColumnElement[bool]:
    return and_(
        table.state == JobState.QUEUED, table.dispatched_at < func.now() - cast(before, Interval)
    )


def _without_message(system: System) -> tuple[Sequence[UUID], Sequence[UUID]]:
    with system.database.transaction() as session:
        alive = session.scalars(select(func.count()).where(Worker.seen_at >= silent_since())).one()
    if alive:
        return (), ()
    depths = read_depths(system.settings.broker)
    if sum(depths.ready.values()) or sum(depths.consumers.values()):
        return (), ()
    due = or_(Job.not_before.is_(None), Job.not_before <= func.now())
    jobs = _ids(system, Job, _dispatched(Job, _PATIENCE) & Job.batch_id.is_(None) & due)
    return jobs, _ids(system, Chunk, _dispatched(Chunk, _PATIENCE))


def _publish(system: System) -> int:
    publisher = RabbitPublisher(system.settings.broker)
    try:
        return dispatch_all(system.database, publisher, system.settings.dispatch)
    finally:
        publisher.close()


def _ids(system: System, table: Any, condition: ColumnElement[bool]) -> Sequence[UUID]:
    with system.database.transaction() as session:
        return session.scalars(select(table.id).where(condition).order_by(table.id)).all()


def _names(ids: Sequence[UUID]) -> str:
    """Return the first few ids, to go on with."""
    if not ids:
        return ""
    more = ", …" if len(ids) > _NAMED else ""
    return f" ({', '.join(str(each) for each in ids[:_NAMED])}{more})"
