"""Finds a batch to change, and locks it."""

from uuid import UUID

from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected
from infra.db.models.batches import Batch


def locked_batch(session: Session, batch_id: UUID) -> Batch:
    """Return the batch, locked until the transaction ends; raise `Rejected` (404).

    The lock does not keep jobs from naming the batch.
    """
    batch = session.get(Batch, batch_id, with_for_update={"key_share": True})
    if batch is None:
        raise Rejected(404, ErrorCode.NOT_FOUND, f"There is no batch {batch_id}.")
    return batch
