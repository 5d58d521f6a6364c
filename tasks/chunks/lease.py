"""Use case: keep a claimed chunk, end it, or give it back.

Every statement is guarded by the fencing token, like those about jobs.
"""

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select, update
from sqlalchemy.orm import Session

from infra.contract.states import ChunkState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Chunk
from infra.db.models.jobs import Job
from tasks.chunks.claim import ChunkClaim
from tasks.chunks.state_changes import end_chunk, queue_chunk
from tasks.jobs.lease import Renewal


def held_chunk(claim: ChunkClaim) -> ColumnElement[bool]:
    """Return the condition that the chunk is still ours."""
    return and_(
        Chunk.id == claim.chunk_id,
        Chunk.state == ChunkState.RUNNING,
        Chunk.fencing_token == claim.fencing_token,
    )


def renew_chunks(
    database: Database, claims: Collection[ChunkClaim], seconds: float
) -> Renewal[ChunkClaim]:
    """Extend the leases, each for itself: a row that is locked delays no other."""
    by_id = {claim.chunk_id: claim for claim in claims}
    mine = or_(false(), *(held_chunk(claim) for claim in claims))
    free = select(Chunk.id).where(mine).with_for_update(skip_locked=True, key_share=True)
    until = func.now() + timedelta(seconds=seconds)
    with database.transaction() as session:
        renewed = set(
            session.scalars(
                update(Chunk)
                .where(Chunk.id.in_(free))
                .values(lease_expires_at=until)
                .returning(Chunk.id)
            )
        )
        locked = set(session.scalars(select(Chunk.id).where(mine))) - renewed
    return Renewal(
        renewed=frozenset(by_id[chunk_id] for chunk_id in renewed),
        locked=frozenset(by_id[chunk_id] for chunk_id in locked),
    )


def link_chunk_run(database: Database, claim: ChunkClaim, flow_run_id: UUID) -> None:
    """Note which flow run shows the chunk."""
    with database.transaction() as session:
        session.execute(update(Chunk).where(held_chunk(claim)).values(flow_run_id=flow_run_id))


def finish_chunk(database: Database, claim: ChunkClaim) -> Counter[JobState] | None:
    """End the chunk; its jobs without a final state leave it.

    Return how many jobs of all its attempts were in each state, None when it was not ours.
    """
    with database.transaction() as session:
        chunk = _locked(session, claim)
        if chunk is None:
            return None
        states = Counter(session.scalars(select(Job.state).where(Job.chunk_id == chunk.id)))
        end_chunk(session, chunk)
        return states


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
