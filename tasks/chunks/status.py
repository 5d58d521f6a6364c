"""Use case: tell where chunks and batches stand, for those who only need to decide about a run."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, literal, select

from infra.contract.states import BatchState, ChunkState
from infra.db.engine import Database
from infra.db.models.batches import Batch, Chunk


@dataclass(frozen=True, slots=True)
class BulkStatus:
    """Where a chunk or a batch stands by PostgreSQL's clock.

    `waits`: it has not ended and no worker holds it. `batch_state` is None for a chunk.
    """

    subject_id: UUID
    flow_run_id: UUID | None
    is_done: bool
    lease_is_live: bool
    finished_at: datetime | None
    batch_state: BatchState | None = None

    @property
    def waits(self) -> bool:
        """Whether a worker may take it."""
        return not self.is_done and not self.lease_is_live


def chunk_status(database: Database, chunk_id: UUID) -> BulkStatus | None:
    """Return where a chunk stands, or None when there is none with this id."""
    return next(iter(_chunks(database, [chunk_id], by_run=False)), None)


def bulk_statuses(database: Database, flow_run_ids: Collection[UUID]) -> dict[UUID, BulkStatus]:
    """Return where the chunks and batches stand that these runs show, by the run's id."""
    if not flow_run_ids:
        return {}
    found = [*_chunks(database, flow_run_ids, by_run=True), *_batches(database, flow_run_ids)]
    return {each.flow_run_id: each for each in found if each.flow_run_id is not None}


def _chunks(database: Database, ids: Collection[UUID], *, by_run: bool) -> list[BulkStatus]:
    statement = select(
        Chunk.id,
        Chunk.flow_run_id,
        Chunk.state == ChunkState.DONE,
        func.coalesce(Chunk.lease_expires_at > func.now(), literal(value=False)),
        Chunk.finished_at,
    ).where((Chunk.flow_run_id if by_run else Chunk.id).in_(ids))
    with database.transaction() as session:
        return [BulkStatus(*row) for row in session.execute(statement).tuples()]


def _batches(database: Database, flow_run_ids: Collection[UUID]) -> list[BulkStatus]:
    statement = select(
        Batch.id,
        Batch.flow_run_id,
        Batch.state != BatchState.RUNNING,
        func.coalesce(Batch.lease_expires_at > func.now(), literal(value=False)),
        Batch.finished_at,
        Batch.state,
    ).where(Batch.flow_run_id.in_(flow_run_ids))
    with database.transaction() as session:
        return [BulkStatus(*row) for row in session.execute(statement).tuples()]
