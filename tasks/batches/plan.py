"""Use case: write the next jobs of a batch, by the planner of its kind."""

from uuid import UUID

from infra.contract.states import BatchKind, Lane
from infra.db.engine import Database
from infra.db.models.batches import Batch
from tasks.imports import plan as imports
from tasks.reprocess import plan as reprocess
from tasks.submission.queue_limit import QueueBound

SLICE = 1000
"""How many jobs a coordinator has written in one transaction, before it looks around again."""

_PLANNERS = {
    BatchKind.IMPORT: imports.plan_some,
    BatchKind.REPROCESS: reprocess.plan_some,
}


def plan_some(
    database: Database, batch_id: UUID, *, limit: int, bound: QueueBound | None = None
) -> int:
    """Write at most `limit` jobs of the batch; return how many.

    0 when the plan is complete, or when as many jobs of the bulk lane wait as `bound` allows.

    Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    with database.transaction() as session:
        batch = session.get(Batch, batch_id)
        if batch is None or batch.planned_at is not None or batch.cancel_requested_at is not None:
            return 0
        if bound is not None and not bound.has_room(session, Lane.BULK):
            return 0
        planner = _PLANNERS[batch.kind]
    return planner(database, batch_id, limit=limit)
