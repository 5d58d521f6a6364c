"""Step: make a batch final when nothing of it is left to do."""

from uuid import UUID

from sqlalchemy import exists, func, select

from infra.contract.states import BatchState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.jobs import Job
from infra.db.retry import again_after_conflict
from tasks.batches.count import Counts, count_jobs
from tasks.batches.find import locked_batch
from tasks.imports.row import ImportPolicy
from tasks.webhooks.announce import FinishedBatch, announce_batch

UNFINISHED = (JobState.QUEUED, JobState.RUNNING)


@again_after_conflict
def settle_batch(database: Database, batch_id: UUID) -> BatchState:
    """End the batch if it is planned, or to be cancelled, and no job is left; return its state.

    Receivers are told in the same transaction. A batch that has ended stays as it is. Raises
    `Rejected` (404) when there is none with this id.
    """
    with database.transaction() as session:
        batch = locked_batch(session, batch_id)
        if batch.state is not BatchState.RUNNING:
            return batch.state
        if batch.planned_at is None and batch.cancel_requested_at is None:
            return batch.state
        left = exists().where(Job.batch_id == batch.id, Job.state.in_(UNFINISHED))
        if not session.scalar(select(left)):
            counts = count_jobs(session, [batch.id])[batch.id]
            batch.state = _overall_state(batch, counts)
            batch.finished_at = func.now()
            told = {state.value: count for state, count in counts.items()}
            announce_batch(session, FinishedBatch(batch.id, batch.state, told, batch.callback_url))
        return batch.state


def _overall_state(batch: Batch, counts: Counts) -> BatchState:
    """Return what the jobs add up to; who wants failures ignored is content with any success."""
    if batch.cancel_requested_at is not None:
        return BatchState.CANCELLED
    total, ready = sum(counts.values()), counts[JobState.READY]
    if ready == total:
        return BatchState.READY
    if not ready and not counts[JobState.PARTIAL]:
        return BatchState.FAILED
    content = batch.options.get("policy") == ImportPolicy.IGNORE_FAILED
    return BatchState.READY if content else BatchState.PARTIAL
