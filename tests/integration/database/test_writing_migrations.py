"""`make migration` writes the next migration, which builds what the models describe."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from infra.db.schema import MIGRATIONS
from infra.db.table import Table
from infra.migrate import upgrade, write_migration
from tests.integration.database.catalog import describe_schema
from tests.integration.database.fresh import empty_database

_NEWEST = "v0026"  # the models are ahead by a table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Our migrations without the newer ones."""
    copied = tmp_path / "versions"
    shutil.copytree(MIGRATIONS, copied, ignore=shutil.ignore_patterns("__pycache__"))
    for path in copied.glob("v*.py"):
        if path.name[: len(_NEWEST)] > _NEWEST:
            path.unlink()
    return copied


def test_the_written_migration_has_the_next_number_and_builds_what_the_models_describe(
    server_url: str, empty_url: str, folder: Path
) -> None:
    with create_engine(empty_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE EXTENSION pg_trgm"))  # Alembic sees no extensions

    written = write_migration(empty_url, "Keep what the models describe.", folder=folder)

    assert written == folder / "v0027_keep_what_the_models_describe.py"
    migration = written.read_text(encoding="utf-8")
    assert migration.startswith('"""Keep what the models describe."""')
    assert "# ###" not in migration
    assert migration.count("op.create_table(") == migration.count("op.drop_table(") == 1

    upgrade(empty_url, folder=folder)
    with empty_database(server_url) as other_url:
        Table.metadata.create_all(create_engine(other_url, poolclass=NullPool))
        assert describe_schema(empty_url) == describe_schema(other_url)


def test_nothing_is_written_when_the_migrations_build_what_the_models_describe(
    empty_url: str, folder: Path
) -> None:
    shutil.copytree(MIGRATIONS, folder, dirs_exist_ok=True)
    before = set(folder.iterdir())

    assert write_migration(empty_url, "Change nothing", folder=folder) is None
    assert set(folder.iterdir()) - before <= {folder / "__pycache__"}
