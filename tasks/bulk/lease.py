"""Use case: keep a claimed chunk, end it, or give it back.

Every statement is guarded by the fencing token, like those about jobs.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from infra.db.batches import Chunk
from infra.db.engine import Database
from infra.settings import JobSettings
from infra.states import ChunkState
from tasks.bulk.claim import ChunkClaim
from tasks.bulk.ending import end_chunk, queue_chunk


def held_chunk(claim: ChunkClaim) -> ColumnElement[bool]:
    """Return the condition that the chunk is still ours."""
    return and_(
        Chunk.id == claim.chunk_id,
        Chunk.state == ChunkState.RUNNING,
        Chunk.fencing_token == claim.fencing_token,
    )


def renew_chunks(
    database: Database, claims: Collection[ChunkClaim], settings: JobSettings
) -> frozenset[UUID]:
    """Extend the leases; return the ids of the chunks that are still ours."""
    if not claims:
        return frozenset()
    mine = or_(*(held_chunk(claim) for claim in claims))
    until = func.now() + timedelta(seconds=settings.lease_seconds)
    with database.transaction() as session:
        rows = session.scalars(
            update(Chunk).where(mine).values(lease_expires_at=until).returning(Chunk.id)
        )
        return frozenset(rows)


def link_chunk_run(database: Database, claim: ChunkClaim, flow_run_id: UUID) -> None:
    """Note which flow run shows the chunk."""
    with database.transaction() as session:
        session.execute(update(Chunk).where(held_chunk(claim)).values(flow_run_id=flow_run_id))


def finish_chunk(database: Database, claim: ChunkClaim) -> bool:
    """End the chunk; its jobs without a final state leave it. Return whether it was ours."""
    with database.transaction() as session:
        chunk = _locked(session, claim)
        if chunk is None:
            return False
        end_chunk(session, chunk)
        return True


def give_back_chunk(
    database: Database, claim: ChunkClaim, *, counts: bool, republish: bool = False
) -> bool:
    """Return an unfinished chunk to the queue; return whether it was still ours.

    `counts` says whether the attempt speaks against the chunk. The caller requeues its delivery;
    without one, `republish` has the dispatcher send another.
    """
    with database.transaction() as session:
        chunk = _locked(session, claim)
        if chunk is None:
            return False
        queue_chunk(chunk)
        if not counts:
            chunk.attempts -= 1
        if republish:
            chunk.dispatched_at = None
        return True


def _locked(session: Session, claim: ChunkClaim) -> Chunk | None:
    return session.scalars(select(Chunk).where(held_chunk(claim)).with_for_update()).first()
