"""Use case: delete a batch that has ended, with all that was kept of its file."""

from uuid import UUID

from sqlalchemy import delete

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import BatchState
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.retry import again_after_conflict
from tasks.batches.find import locked_batch


@again_after_conflict
def delete_batch(database: Database, batch_id: UUID) -> None:
    """Erase the batch, its rows and its chunks; its jobs stay with their products.

    Raises `Rejected`: 404 when there is no such batch, 409 while it is running.
    """
    with database.transaction() as session:
        batch = locked_batch(session, batch_id)
        if batch.state is BatchState.RUNNING:
            raise Rejected(
                409,
                ErrorCode.BATCH_NOT_FINAL,
                "The batch is running. Cancel it, and delete it when it has ended.",
            )
        session.execute(delete(Batch).where(Batch.id == batch_id))
