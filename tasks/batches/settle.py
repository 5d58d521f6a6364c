"""Use case: make a batch final when nothing of it is left to do."""

from uuid import UUID

from sqlalchemy import func

from infra.db.batches import Batch
from infra.db.engine import Database
from infra.errors import ErrorCode, Rejected
from infra.states import BatchState, JobState
from tasks.batches.read import job_counts
from tasks.webhooks.announce import FinishedBatch, announce_batch


def settle_batch(database: Database, batch_id: UUID) -> BatchState:
    """Return the batch's state, after making it final if its plan and all its jobs are done."""
    with database.transaction() as session:
        batch = session.get(Batch, batch_id, with_for_update={"key_share": True})
        if batch is None:
            raise Rejected(404, ErrorCode.NOT_FOUND, f"There is no batch {batch_id}.")
        if batch.state is not BatchState.RUNNING:
            return batch.state
        counts = job_counts(session, batch_id)
        is_cancelled = batch.cancel_requested_at is not None
        is_open = counts[JobState.QUEUED] or counts[JobState.RUNNING]
        if is_open or (batch.planned_at is None and not is_cancelled):
            return batch.state
        batch.state = BatchState.CANCELLED if is_cancelled else _judged(counts)
        batch.finished_at = func.now()
        told = {str(state): number for state, number in counts.items()}
        announce_batch(
            session, FinishedBatch(batch_id, batch.state.value, told, batch.callback_url)
        )
        return batch.state


def _judged(counts: dict[JobState, int]) -> BatchState:
    total = sum(counts.values())
    if counts[JobState.READY] == total:
        return BatchState.READY
    has_results = counts[JobState.READY] or counts[JobState.PARTIAL]
    return BatchState.PARTIAL if has_results else BatchState.FAILED
