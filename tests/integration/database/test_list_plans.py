"""A filter that few of many rows pass finds them by an index."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.db.engine import Database
from infra.states import BatchState, JobState, Lane, ProductState
from tasks.batches.read import BatchFilter, list_batches
from tasks.products.list_products import ProductFilter, list_products
from tasks.read_job import JobFilter, list_jobs
from tests.integration.database.fresh import empty
from tests.integration.database.test_purges import statements

ROWS = 50_000
_ID = "(lpad(to_hex({n}), 12, '0') || '00007000800000000000')::uuid"
_PARTIAL, _FAILED, _PROCESSING = 10_000, 20_001, 30_002  # one of so many rows, by remainder
_FILL = (
    f"""INSERT INTO products (id, sku, name, currency, price, owner_id)
        SELECT {_ID.format(n="n")}, 'S-' || n, 'Product ' || n, 'EUR', n, 'owner-' || n % 1000
        FROM generate_series(1, {ROWS}) n""",
    f"""INSERT INTO images (id, product_id, position, source_url, state)
        SELECT {_ID.format(n="n * 2")}, {_ID.format(n="n")}, 0, 'http://a.example/' || n,
               CASE n WHEN {_FAILED} THEN 'failed' WHEN {_PROCESSING} THEN 'queued'
               ELSE 'ready' END
        FROM generate_series(1, {ROWS}) n""",
    f"""INSERT INTO images (id, product_id, position, source_url, state)
        SELECT {_ID.format(n="n * 2 + 1")}, {_ID.format(n="n")}, 1, 'http://b.example/' || n,
               'failed'
        FROM generate_series({_PARTIAL}, {_PARTIAL}) n""",
    f"""INSERT INTO jobs (id, product_id, lane, state, preset, metadata, finished_at, created_at)
        SELECT {_ID.format(n="n")}, {_ID.format(n="n")},
               CASE n WHEN {_PARTIAL} THEN 'interactive' ELSE 'bulk' END,
               CASE n WHEN {_PARTIAL} THEN 'partial' ELSE 'ready' END, 'web', '{{}}', now(),
               now() - n * interval '1 second'
        FROM generate_series(1, {ROWS}) n""",
    "ANALYZE",
)


@pytest.fixture(scope="module")
def filled(own_database: Database) -> Iterator[Database]:
    """A catalogue of many products that are ready, and one of each other kind."""
    for statement in _FILL:
        with own_database.transaction() as session:
            session.execute(text(statement))
    yield own_database
    empty(own_database)


def _products(**wanted: object) -> Callable[[Database], int]:
    return lambda database: len(list_products(database, ProductFilter(limit=20, **wanted)))  # type: ignore[arg-type]  # each case names its own filter


def _jobs(**wanted: object) -> Callable[[Database], int]:
    return lambda database: len(list_jobs(database, JobFilter(limit=20, **wanted)))  # type: ignore[arg-type]  # each case names its own filter


CASES = {
    "partial": (_products(state=ProductState.PARTIAL), 1),
    "failed": (_products(state=ProductState.FAILED), 1),
    "processing": (_products(state=ProductState.PROCESSING), 1),
    "sku": (_products(sku="S-77"), 1),
    "currency": (_products(currency="CHF"), 0),
    "owner": (_products(owner_id="owner-7"), 20),
    "price from": (_products(price_min=Decimal(ROWS - 3)), 4),
    "price to": (_products(price_max=Decimal(3)), 3),
    "updated": (_products(updated_since=datetime.now(UTC) + timedelta(days=1)), 0),
    "all jobs": (_jobs(), 20),
    "job state": (_jobs(state=JobState.PARTIAL), 1),
    "job lane": (_jobs(lane=Lane.INTERACTIVE), 1),
    "job sku": (_jobs(sku="S-77"), 1),
    "job product": (_jobs(product_id=UUID("00000000-004d-0000-7000-800000000000")), 1),
    "job since": (_jobs(since=datetime.now(UTC) + timedelta(days=1)), 0),
}


@pytest.mark.parametrize("case", CASES)
def test_a_filter_of_a_list_reads_no_table_to_its_end(filled: Database, case: str) -> None:
    listed, count = CASES[case]
    with statements() as seen:
        assert listed(filled) == count
    (statement,) = [each for each in seen if each.startswith("SELECT")]

    with filled.transaction() as session:
        lines = session.connection().exec_driver_sql(f"EXPLAIN ANALYZE {statement}").scalars().all()

    plan = "\n".join(lines)
    assert "Seq Scan on products" not in plan, plan
    assert "Seq Scan on images" not in plan, plan
    assert "Seq Scan on jobs" not in plan, plan
    assert all(f"actual rows={ROWS}" not in line for line in lines), plan


def test_batches_are_few_and_listed_by_their_ids(filled: Database) -> None:
    assert list_batches(filled, BatchFilter(limit=20, state=BatchState.READY)) == ()
