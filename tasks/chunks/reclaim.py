"""Use case: bring back chunks whose worker is gone and whose message does not come back."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

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
