"""A database that an earlier version left: migrations and today's code lose nothing of it.

`dump_0010.sql` is `pg_dump --inserts` of one that stood at that migration, with a few rows of each
table. A later one is made alike: `upgrade(url, "0020")`, rows, `pg_dump`.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from infra.contract.states import BatchState, ImageState, JobState
from infra.db.engine import Database
from infra.migrate import upgrade
from infra.settings.sections import DatabaseSettings
from tasks.batches.read import BatchFilter, RowCounts, list_batches
from tasks.imaging.models import PageFacts
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.jobs.read import JobFilter, list_jobs, read_job
from tasks.keys.change import list_keys
from tasks.products.read import read_product
from tasks.reprocess.selection import picked, without_original
from tasks.reprocess.selector import Selector
from tasks.reprocess.targets import publish_targets
from tasks.views import ErrorView
from tasks.webhooks.deliveries import DeliveryFilter, list_deliveries

DUMP = Path(__file__).with_name("dump_0010.sql")
Rows = dict[str, list[dict[str, Any]]]


def numbered(number: int) -> UUID:
    """An id of the dump, whose last digits say what it is of."""
    return UUID(f"019a0000-0000-7000-8000-{number:012}")


SHOE, MUG = numbered(1), numbered(2)
SIDE, SOLE, CUP = (numbered(number) for number in (11, 12, 13))
BATCH, CHUNK_RUN = numbered(31), UUID("019a0000-0000-7000-8000-0000000000f2")
OF_THE_SHOE, OF_THE_MUG, WAITING = (numbered(number) for number in (41, 42, 43))
TOLD, OWED = numbered(61), numbered(62)


def all_rows(url: str) -> Rows:
    """Every row of every table but Alembic's, in a fixed order."""
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> :but"
    with create_engine(url, poolclass=NullPool).connect() as connection:
        names = connection.scalars(text(tables), {"but": "alembic_version"}).all()
        return {
            name: [
                dict(row)
                for row in connection.execute(
                    text(f'SELECT * FROM "{name}" AS t ORDER BY t::text COLLATE "C"')
                ).mappings()
            ]
            for name in names
        }


@pytest.fixture
def old(empty_url: str) -> Rows:
    """The dump is loaded; this is what it holds."""
    as_it_is = {"no_parameters": True}  # its percent signs are no placeholders
    with create_engine(empty_url, poolclass=NullPool).begin() as connection:
        connection.exec_driver_sql(DUMP.read_text(encoding="utf-8"), execution_options=as_it_is)
    return all_rows(empty_url)


def test_migrations_keep_every_row_and_every_value(empty_url: str, old: Rows) -> None:
    assert all(old.values()), "the dump has rows of every table"
    upgrade(empty_url)
    new = all_rows(empty_url)
    for table, rows in old.items():
        kept = [{name: row[name] for name in rows[0]} for row in new[table]]
        assert sorted(kept, key=str) == sorted(rows, key=str), table


@pytest.mark.usefixtures("old")
def test_today_s_code_reads_what_was_there(empty_url: str) -> None:
    upgrade(empty_url)
    with Database(DatabaseSettings(url=empty_url)) as database:
        _reads_products(database)
        _reads_jobs_and_batches(database)
        _reads_keys_and_webhooks(database)
        _selects_what_is_stale(database)


def _reads_products(database: Database) -> None:
    shoe, mug = read_product(database, SHOE), read_product(database, MUG)
    assert shoe is not None
    assert mug is not None
    head, (side, sole) = shoe.head, shoe.images
    assert (head.sku, head.name, head.price) == ("SHOE-42", "Läufer „Blau“", Decimal("79.90"))
    assert head.updated_at == datetime(2026, 3, 1, 9, 0, 7, tzinfo=UTC)
    assert (side.id, side.state, side.source_bytes) == (SIDE, ImageState.READY, 812345)
    assert side.page == PageFacts("#1f3c88", "3OcRJYB4d3h/iIeHeEh3eIhw+j2w", "e4973c1b0fa25d86")
    assert {(each.name, each.width, each.score) for each in side.variants} == {
        ("w800", 533, 83.5),
        ("w400", 267, 82.25),
    }
    assert sole.error == ErrorView("http_404", "The address answered with 404.", retryable=False)
    assert mug.images[0].page == PageFacts("#ffffff", "", "")


def _reads_jobs_and_batches(database: Database) -> None:
    jobs = list_jobs(database, JobFilter(limit=10))
    assert [(job.id, job.state, job.sku) for job in jobs] == [
        (WAITING, JobState.QUEUED, None),
        (OF_THE_MUG, JobState.READY, "MUG-7"),
        (OF_THE_SHOE, JobState.PARTIAL, "SHOE-42"),
    ]
    assert jobs[1].flow_run_id == CHUNK_RUN
    partial = read_job(database, OF_THE_SHOE)
    assert partial is not None
    assert partial.metadata == {"order": 4711}
    assert [image.id for image in partial.images] == [SIDE, SOLE]
    (batch,) = list_batches(database, BatchFilter(limit=10))
    assert (batch.id, batch.state, batch.total) == (BATCH, BatchState.READY, 1)
    assert batch.rows == RowCounts(total=2, accepted=1, rejected=1)


def _reads_keys_and_webhooks(database: Database) -> None:
    assert {key.name: key.state for key in list_keys(database)} == {
        "shop": "active",
        "old admin": "revoked",
    }
    owed, told = list_deliveries(database, DeliveryFilter(limit=10))
    assert (owed.id, owed.subject_id, owed.attempts) == (OWED, BATCH, ())
    assert (told.id, [each.status for each in told.attempts]) == (TOLD, [503, 204])


def _selects_what_is_stale(database: Database) -> None:
    """No policy was written down then: what is shown was made by an older one of its preset."""
    publish_targets(database, packaged_presets())
    with database.transaction() as session:
        stale = session.execute(picked(Selector())).all()
        assert {(row.image_id, row.preset) for row in stale} == {(SIDE, "web"), (CUP, "web")}
        assert session.scalar(without_original(Selector())) == 1  # the sole
