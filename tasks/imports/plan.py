"""Step: write the products and jobs of the next rows of an imported file.

A slice is one transaction that also moves the batch's cursor: a process that dies in between
has written all of a slice or nothing of it. A few statements do it for all rows of a slice.
Locks are taken as everywhere: the products, then their images; products in the order of their
skus, so that two files with the same skus do not wait for each other in a circle.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode
from infra.contract.states import BatchState
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.imports import ImportRow
from infra.db.retry import again_after_conflict
from tasks.imports.write_jobs import write_jobs
from tasks.imports.write_products import is_half_priced, prices_of_halves, write_products

_HALF = "A price needs its currency and a currency its price: the product has not the other one."


@again_after_conflict
def plan_some(database: Database, batch_id: object, *, limit: int) -> int:
    """Plan up to `limit` rows; return how many rows were dealt with, 0 when none are left.

    Rows without images only write their product. Nothing is planned for a batch that has ended
    or is to end. Afterwards `planned_at` is set if nothing is left.
    """
    with database.transaction() as session:
        batch = session.get(Batch, batch_id, with_for_update={"key_share": True})
        if batch is None or batch.state is not BatchState.RUNNING:
            return 0
        if batch.planned_at is not None or batch.cancel_requested_at is not None:
            return 0
        return _plan_slice(session, batch, limit)


def plan_all(session: Session, batch_id: object) -> None:
    """Plan all rows of a batch within the caller's transaction, which has just written it."""
    _plan_slice(session, session.get_one(Batch, batch_id), None)


def _plan_slice(session: Session, batch: Batch, limit: int | None) -> int:
    line = (batch.plan_cursor or {}).get("line", 0)
    following = (
        select(ImportRow)
        .where(ImportRow.batch_id == batch.id)
        .where(ImportRow.line > line, ImportRow.error_code.is_(None))
        .order_by(ImportRow.line)
        .limit(limit)
    )
    rows = session.scalars(following).all()
    if rows:
        _write(session, batch, rows)
        batch.plan_cursor = {"line": rows[-1].line}
    if limit is None or len(rows) < limit:
        batch.planned_at = func.now()
    return len(rows)


def _write(session: Session, batch: Batch, rows: Sequence[ImportRow]) -> None:
    prices = prices_of_halves(session, rows)
    refused = [row for row in rows if is_half_priced(row) and row.sku not in prices]
    if refused:
        # Only now is it known which price and currency a product has: the report tells.
        lines = [row.line for row in refused]
        session.execute(
            update(ImportRow)
            .where(ImportRow.batch_id == batch.id, ImportRow.line.in_(lines))
            .values(error_code=ErrorCode.INVALID_REQUEST, error_detail=_HALF)
        )
        told = batch.options["rows"]
        count = sum((row.content or {}).get("rows", 1) for row in refused)
        moved = {"accepted": told["accepted"] - count, "rejected": told["rejected"] + count}
        jobs = batch.options["jobs"] - sum(bool((row.content or {})["images"]) for row in refused)
        batch.options = {**batch.options, "rows": {**told, **moved}, "jobs": jobs}
        rows = [row for row in rows if row not in refused]
    products = write_products(session, rows, prices=prices)
    write_jobs(session, batch, rows, products=products)
