"""Use case: bring back chunks whose worker is gone and whose message does not come back."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from infra.contract.states import ChunkState
from infra.db.engine import Database
from infra.db.models.batches import Chunk
from tasks.chunks.state_changes import queue_chunk


def reclaim_lost_chunks(database: Database, *, grace_seconds: float) -> tuple[UUID, ...]:
    """Queue running chunks whose lease ended longer ago than the grace, for another message.

    Their attempts stay counted. Returns their ids.
    """
    silent_since = func.now() - timedelta(seconds=grace_seconds)
    lost = (
        select(Chunk)
        .where(Chunk.state == ChunkState.RUNNING, Chunk.lease_expires_at < silent_since)
        .order_by(Chunk.id)
        .with_for_update(skip_locked=True)
    )
    with database.transaction() as session:
        chunks = session.scalars(lost).all()
        for chunk in chunks:
            queue_chunk(chunk)
            chunk.dispatched_at = None
        return tuple(chunk.id for chunk in chunks)


def republish_chunks(database: Database, chunk_ids: Collection[UUID]) -> int:
    """Have those of these chunks published again that are queued; return how many."""
    if not chunk_ids:
        return 0
    with database.transaction() as session:
        found = session.scalars(
            update(Chunk)
            .where(Chunk.id.in_(chunk_ids), Chunk.state == ChunkState.QUEUED)
            .values(dispatched_at=None)
            .returning(Chunk.id)
        )
        return len(found.all())
