"""Migrations and models are two spellings of one schema."""

import subprocess
import sys
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from infra.contract.states import ProductState
from infra.db.engine import Database, exclusive_connection
from infra.db.table import Table
from infra.migrate import downgrade, upgrade
from infra.settings.sections import DatabaseSettings, inherited_environment
from tasks.imaging.models import PageFacts
from tasks.jobs.read import read_job
from tasks.products.list_products import ProductFilter, list_products
from tasks.products.read import read_product
from tests.integration.database.catalog import describe_schema
from tests.integration.database.fresh import empty_database, unused_name, url_of
from tests.waiting import eventually

BASE = "base"
_SECONDS = 60


def migrate_in_another_process(url: str) -> subprocess.Popen[str]:
    """Start what the stack starts before it serves."""
    return subprocess.Popen(
        (sys.executable, "-m", "infra.migrate"),
        env={**inherited_environment(), "DATABASE_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_migrations_build_exactly_what_the_models_describe(server_url: str, empty_url: str) -> None:
    upgrade(empty_url)
    with empty_database(server_url) as other_url:
        Table.metadata.create_all(create_engine(other_url, poolclass=NullPool))
        described = describe_schema(other_url)

    migrated = describe_schema(empty_url)

    assert sorted(migrated - described) == []
    assert sorted(described - migrated) == []
    assert len(migrated) > 100  # the catalog was really read


def test_alembic_finds_no_difference_that_a_migration_would_have_to_make(empty_url: str) -> None:
    upgrade(empty_url)
    with create_engine(empty_url, poolclass=NullPool).connect() as connection:
        options = {"compare_server_default": True, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)

        assert compare_metadata(context, Table.metadata) == []


def test_downgrading_to_base_leaves_nothing_and_upgrading_works_again(empty_url: str) -> None:
    upgrade(empty_url)
    first = describe_schema(empty_url)

    downgrade(empty_url, BASE)
    assert describe_schema(empty_url) == frozenset()

    upgrade(empty_url)
    assert describe_schema(empty_url) == first


def test_upgrading_a_current_database_changes_nothing(empty_url: str) -> None:
    upgrade(empty_url)
    first = describe_schema(empty_url)

    upgrade(empty_url)

    assert describe_schema(empty_url) == first


@pytest.mark.thorough
def test_three_processes_that_migrate_at_once_all_end_well(empty_url: str) -> None:
    processes = [migrate_in_another_process(empty_url) for _ in range(3)]
    errors = [process.communicate(timeout=_SECONDS)[1] for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0], errors
    assert any("TABLE" in line or "images" in line for line in describe_schema(empty_url))


def test_a_migration_waits_while_another_one_works(empty_url: str) -> None:
    with exclusive_connection(empty_url):
        process = migrate_in_another_process(empty_url)
        assert process.stderr is not None
        assert "Another process migrates this database" in process.stderr.readline()
        assert process.poll() is None
        assert describe_schema(empty_url) == frozenset()

    errors = process.communicate(timeout=_SECONDS)[1]
    assert process.returncode == 0, errors
    assert describe_schema(empty_url) != frozenset()


def test_products_are_written_while_the_index_of_their_names_is_built(
    own_database: Database, empty_url: str
) -> None:
    upgrade(empty_url, "0019")
    engine = create_engine(empty_url, poolclass=NullPool)
    with engine.connect() as unfinished:  # the build has to wait for it
        unfinished.execute(text(f"INSERT INTO products (id) VALUES ('{_PRODUCT}')"))
        process = migrate_in_another_process(empty_url)
        eventually(lambda: builds_an_index(own_database), "the build waits")
        with engine.begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '2s'"))
            other.execute(text(f"INSERT INTO products (id) VALUES ('{_JOB}')"))
        assert process.poll() is None
        unfinished.commit()

    errors = process.communicate(timeout=_SECONDS)[1]
    assert process.returncode == 0, errors


def builds_an_index(database: Database) -> bool:
    statement = """SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX%ix_products_name%'"""
    with database.transaction() as session:
        return bool(session.execute(text(statement)).scalar_one())


def test_an_index_whose_build_was_interrupted_is_built_anew(empty_url: str) -> None:
    upgrade(empty_url)
    whole = describe_schema(empty_url)
    downgrade(empty_url, "0019")
    with create_engine(empty_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE INDEX ix_products_name ON products (name)"))

    upgrade(empty_url)

    assert describe_schema(empty_url) == whole


def test_products_without_images_are_found_by_the_migration(empty_url: str) -> None:
    upgrade(empty_url, "0020")
    with create_engine(empty_url, poolclass=NullPool).begin() as before:
        before.execute(text(_OLD_ROWS[0]))
        before.execute(text(f"INSERT INTO products (id) VALUES ('{_JOB}')"))
        for statement in _OLD_ROWS[1:3]:
            before.execute(text(statement))

    upgrade(empty_url)

    with Database(DatabaseSettings(url=empty_url)) as database:
        found = list_products(database, ProductFilter(limit=9, state=ProductState.EMPTY))
    assert [listed.head.id for listed in found] == [_JOB]


def test_a_migration_that_starts_before_its_database_waits_and_says_so(server_url: str) -> None:
    name = unused_name()
    process = migrate_in_another_process(url_of(server_url, name))
    assert process.stderr is not None
    first_line = process.stderr.readline()
    assert "waiting for PostgreSQL" in first_line

    with empty_database(server_url, name) as url:
        log = process.communicate(timeout=_SECONDS)[1]

        assert process.returncode == 0, log
        assert "PostgreSQL answers" in log
        assert describe_schema(url) != frozenset()


def test_previews_from_before_are_carried_over_to_every_policy_that_shows_them(
    empty_url: str,
) -> None:
    upgrade(empty_url, "0014")
    with create_engine(empty_url, poolclass=NullPool).begin() as before:
        for statement in _OLD_ROWS:
            before.execute(text(statement))
        version = before.execute(text("SELECT updated_at FROM products")).scalar_one()

    upgrade(empty_url)

    with Database(DatabaseSettings(url=empty_url)) as database:
        product = read_product(database, _PRODUCT)
        job = read_job(database, _JOB)
    assert product is not None
    assert job is not None
    assert product.head.updated_at == version  # nothing that is cached is outdated
    assert product.images[0].page == job.images[0].page == PageFacts("#7d3c13", "dBgO", "e497")
    with create_engine(empty_url, poolclass=NullPool).connect() as after:
        kept = after.execute(text("SELECT fingerprint FROM previews ORDER BY 1")).scalars().all()
    assert kept == ["f1", "f2"]  # what an image shows, and what only an old job names


_PRODUCT = UUID("019ae000-0000-7000-8000-000000000001")
_JOB = UUID("019ae000-0000-7000-8000-000000000002")
_SHA256 = "a" * 64
_OLD_ROWS = (
    f"INSERT INTO products (id, sku) VALUES ('{_PRODUCT}', 'OLD')",
    f"""INSERT INTO originals
        (sha256, object_key, format, media_type, bytes, dominant_colour, thumbhash, phash)
        VALUES ('{_SHA256}', 'originals/a.png', 'png', 'image/png', 1, '#7d3c13', 'dBgO', 'e497')
    """,
    f"""INSERT INTO images
        (id, product_id, position, source_url, state, original_sha256, fingerprint) VALUES
        ('{_JOB}', '{_PRODUCT}', 0, 'http://a.example/a.png', 'ready', '{_SHA256}', 'f1')
    """,
    f"""INSERT INTO jobs (id, product_id, lane, state, preset, metadata, finished_at)
        VALUES ('{_JOB}', '{_PRODUCT}', 'interactive', 'ready', 'web', '{{}}', now())
    """,
    f"""INSERT INTO job_images
        (job_id, image_id, position, state, original_sha256, fingerprint)
        VALUES ('{_JOB}', '{_JOB}', 0, 'ready', '{_SHA256}', 'f2')
    """,
)


def test_all_constraints_have_names_that_a_migration_can_drop(own_database: Database) -> None:
    names = [
        constraint.name
        for table in Table.metadata.sorted_tables
        for constraint in table.constraints
    ]

    assert all(names)
    assert len(names) == len(set(names))
