"""A database without the tables of this version is not ready, and says what to do."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from infra.contract.errors import ServiceUnavailable
from infra.db import schema
from infra.db.engine import Database
from infra.db.table import Table
from infra.migrate import upgrade
from tests.integration.database.fresh import Connect, execute


def test_a_database_without_tables_is_not_ready_and_says_what_to_do(
    connect: Connect, empty_url: str
) -> None:
    database = connect()
    database.probe()

    for attempt in (database.require_schema, lambda: execute(database, "SELECT id FROM jobs")):
        with pytest.raises(ServiceUnavailable, match="run `product-images migrate`"):
            attempt()

    upgrade(empty_url)
    database.require_schema()
    execute(database, "SELECT id FROM jobs")


def test_tables_that_nobody_migrated_are_not_ready(connect: Connect, empty_url: str) -> None:
    Table.metadata.create_all(create_engine(empty_url, poolclass=NullPool))

    with pytest.raises(ServiceUnavailable, match="no tables of this version"):
        connect().require_schema()


def test_tables_of_an_older_version_are_not_ready(
    own_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_database.transaction() as session:
        current = session.scalar(text("SELECT version_num FROM alembic_version"))
    newer = f'revision = "newer"\ndown_revision = "{current}"\n'
    (tmp_path / "newer.py").write_text(newer)
    monkeypatch.setattr(schema, "MIGRATIONS", tmp_path)

    with pytest.raises(ServiceUnavailable, match="no tables of this version"):
        own_database.require_schema()


def test_tables_of_a_newer_version_are_ready(connect: Connect, empty_url: str) -> None:
    upgrade(empty_url)
    database = connect()
    execute(database, "UPDATE alembic_version SET version_num = 'from the future'")

    database.require_schema()
