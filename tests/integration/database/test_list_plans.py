"""A page of a list costs what the page holds, however many rows there are."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from infra.cache import Cache
from infra.contract.states import BatchState, JobState, Lane, ProductState
from infra.db.engine import Database
from infra.host_limits.policy import HostPolicy
from infra.host_limits.redis_limits import RedisHostLimits
from infra.settings.sections import CacheSettings, FetchSettings
from infra.stack.stack import Stack
from tasks.batches.read import BatchFilter, list_batches
from tasks.jobs.read import JobFilter, list_jobs
from tasks.overview import read_overview
from tasks.products.list_products import ProductFilter, list_products
from tests.integration.database.fresh import empty, execute
from tests.integration.database.test_purges import statements

ROWS = 50_000
_ID = "(lpad(to_hex({n}), 12, '0') || '00007000800000000000')::uuid"
_EMPTY, _STALE, _PARTIAL, _FAILED = 5, 7, 10_000, 20_001
_FIRST_QUEUED = 49_000
_MIDDLE = UUID(f"{ROWS // 2:012x}00007000800000000000")
_MOST_ROWS_READ = 2_000
_FILL = (
    f"""INSERT INTO products (id, sku, name, currency, price, owner_id)
        SELECT {_ID.format(n="n")}, 'S-' || n, 'Product ' || n, 'EUR', n, 'owner-' || n % 1000
        FROM generate_series(1, {ROWS}) n""",
    f"""INSERT INTO images (id, product_id, position, source_url, state, fingerprint, error_code)
        SELECT {_ID.format(n="n * 2")}, {_ID.format(n="n")}, 0, 'http://a.example/' || n,
               CASE WHEN n = {_FAILED} THEN 'failed' WHEN n >= {_FIRST_QUEUED} THEN 'queued'
               ELSE 'ready' END,
               CASE n WHEN {_STALE} THEN 'old' ELSE 'new' END,
               CASE n WHEN {_FAILED} THEN 'http_404' END
        FROM generate_series(1, {ROWS}) n WHERE n <> {_EMPTY}""",
    f"""INSERT INTO images (id, product_id, position, source_url, state, error_code)
        SELECT {_ID.format(n="n * 2 + 1")}, {_ID.format(n="n")}, 1, 'http://b.example/' || n,
               'failed', 'http_404'
        FROM generate_series({_PARTIAL}, {_PARTIAL}) n""",
    """INSERT INTO policies (fingerprint, preset, revision, pipeline)
       VALUES ('old', 'web', '1', 1), ('new', 'web', '2', 1), ('unused', 'thumbnail', '1', 1)""",
    """INSERT INTO preset_targets (preset, revision, fingerprint, set_at)
       VALUES ('web', '2', 'new', now())""",
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
    """Many products that are ready, the newest still to be made, and one of each other kind."""
    execute(own_database, *_FILL)
    yield own_database
    execute(own_database, "DELETE FROM policies", "DELETE FROM preset_targets")
    empty(own_database)


def _products(**wanted: object) -> Callable[[Database], int]:
    return lambda database: len(list_products(database, ProductFilter(limit=20, **wanted)))  # type: ignore[arg-type]  # each case names its own filter


def _jobs(**wanted: object) -> Callable[[Database], int]:
    return lambda database: len(list_jobs(database, JobFilter(limit=20, **wanted)))  # type: ignore[arg-type]  # each case names its own filter


CASES = {
    "all products": (_products(), 20),
    "a page of products": (_products(after=UUID(int=0)), 20),
    "a page far from the newest": (_products(before=_MIDDLE), 20),
    "ready": (_products(state=ProductState.READY), 20),
    "ready, far from the newest": (_products(state=ProductState.READY, before=_MIDDLE), 20),
    "a rare name": (_products(name="DUCT 4999"), 11),
    "a name that none has": (_products(name="unheard of"), 0),
    "a name that all have, and ready": (
        _products(name="roduct", state=ProductState.READY, before=_MIDDLE),
        20,
    ),
    "partial": (_products(state=ProductState.PARTIAL), 1),
    "failed": (_products(state=ProductState.FAILED), 1),
    "processing": (_products(state=ProductState.PROCESSING), 20),
    "empty": (_products(state=ProductState.EMPTY), 1),
    "sku": (_products(sku="S-77"), 1),
    "the beginning of skus": (_products(sku_prefix="S-4999"), 11),
    "a host of all": (_products(host="a.example", before=_MIDDLE), 20),
    "a host of one": (_products(host="b.example"), 1),
    "a host and a state": (_products(host="a.example", state=ProductState.FAILED), 1),
    "a host and the beginning of skus": (_products(host="b.example", sku_prefix="S-1"), 1),
    "error code": (_products(error_code="http_404"), 2),
    "error code and state": (_products(error_code="http_404", state=ProductState.PARTIAL), 1),
    "preset": (_products(preset="web", before=_MIDDLE), 20),
    "a preset of none": (_products(preset="thumbnail"), 0),
    "stale": (_products(stale=True), 1),
    "stale and ready": (_products(stale=True, state=ProductState.READY), 1),
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
def test_a_page_of_a_list_reads_few_rows_of_many(filled: Database, case: str) -> None:
    listed, count = CASES[case]
    with statements() as seen:
        assert listed(filled) == count
    selects = [each for each in seen if each.startswith("SELECT")]
    assert selects

    for statement in selects:
        _require_few_rows(filled, statement)


def _require_few_rows(database: Database, statement: str) -> None:
    with database.transaction() as session:
        explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.replace('%', '%%')}"
        (plan,) = session.connection().exec_driver_sql(explained).scalars().one()
    read = [(_rows_read(node), node["Node Type"]) for node in _nodes(plan["Plan"])]
    assert max(read)[0] <= _MOST_ROWS_READ, (read, plan)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for part in node.get("Plans", ()):
        yield from _nodes(part)


def _rows_read(node: dict[str, Any]) -> float:
    removed = sum(value for key, value in node.items() if key.startswith("Rows Removed by"))
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


def test_an_overview_reads_what_waits_and_what_was_finished_today(
    filled: Database, stack: Stack
) -> None:
    with Cache(CacheSettings(url=stack.description.redis_url)) as cache, statements() as seen:
        hosts = RedisHostLimits(cache, HostPolicy.of(FetchSettings()))
        assert read_overview(filled, hosts).waiting == ROWS - _FIRST_QUEUED + 1
    for statement in seen:
        if statement.startswith("SELECT count"):
            _require_few_rows(filled, statement)


def test_batches_are_few_and_listed_by_their_ids(filled: Database) -> None:
    assert list_batches(filled, BatchFilter(limit=20, state=BatchState.READY)) == ()
