"""Copies all rows out of a database at one moment, and into an empty one.

PostgreSQL's own COPY, table by table, within one snapshot. The schema is not copied but its
revision, from which the migrations make it: a copy fits any later version of ours and any version
of PostgreSQL, and needs none of its programs.
"""

import pkgutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import IO, Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.db import models
from infra.db.errors import translated
from infra.db.locks import AdvisoryLock
from infra.db.table import Table

_HERE_ONLY = frozenset({"alembic_version", "workers"})  # of this database, and of its processes
_COLUMNS = text("""
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name = :table AND is_generated = 'NEVER'
    ORDER BY ordinal_position
""")
_TABLES = text("""
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
""")
# What waits has no message in another broker, and what ran has no worker.
_SETTLE = (
    "UPDATE jobs SET dispatched_at = NULL WHERE state = 'queued'",
    "UPDATE chunks SET dispatched_at = NULL WHERE state = 'queued'",
    "UPDATE jobs SET lease_expires_at = now() WHERE state = 'running'",
    "UPDATE chunks SET lease_expires_at = now() WHERE state = 'running'",
    "UPDATE batches SET lease_owner = NULL, lease_expires_at = NULL",
)


@dataclass(frozen=True, slots=True)
class TableColumns:
    """A table, and the columns that are copied, in their order."""

    name: str
    columns: tuple[str, ...]

    @property
    def place(self) -> str:
        """Return the table with its columns, as COPY names them."""
        columns = ", ".join(f'"{each}"' for each in self.columns)
        return f'"{self.name}" ({columns})'


class Snapshot:
    """All rows as they were at one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def revision(self) -> str:
        """Return the revision of the schema."""
        found: str = self._connection.execute(
            text("SELECT version_num FROM alembic_version")
        ).scalar_one()
        return found

    def tables(self) -> Sequence[TableColumns]:
        """Return all tables to copy; those that others refer to come first."""
        there = set(self._connection.execute(_TABLES).scalars()) - _HERE_ONLY
        ordered = [name for name in _in_order() if name in there]
        left = sorted(there.difference(ordered))
        return [TableColumns(name, self._columns(name)) for name in (*ordered, *left)]

    def copy_out(self, table: TableColumns, file: IO[bytes]) -> int:
        """Write a table's rows into a file; return how many there are."""
        with _driver(self._connection).cursor() as cursor:
            cursor.copy_expert(f"COPY {table.place} TO STDOUT", file)
            return int(cursor.rowcount)

    def query(self, statement: str) -> Iterator[Any]:
        """Yield rows, some thousands at a time."""
        options = {"stream_results": True, "yield_per": 5000}
        yield from self._connection.execution_options(**options).execute(text(statement))

    def _columns(self, table: str) -> tuple[str, ...]:
        return tuple(self._connection.execute(_COLUMNS, {"table": table}).scalars())


@contextmanager
def open_snapshot(url: str) -> Iterator[Snapshot]:
    """Yield all rows of this moment, for as long as the block takes."""
    engine = _engine(url).execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    with translated(), engine.connect() as connection:
        yield Snapshot(connection)


@contextmanager
def removals_held_back(url: str) -> Iterator[None]:
    """Have no process remove objects from the store while the block runs.

    What the rows of a snapshot name is then still there afterwards. Ends with this process.
    """
    engine = _engine(url).execution_options(isolation_level="AUTOCOMMIT")
    lock = {"lock": int(AdvisoryLock.REMOVAL)}
    with translated(), engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), lock)
        yield
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)


def copy_in(url: str, tables: Sequence[tuple[TableColumns, IO[bytes]]]) -> None:
    """Write the rows of all tables into an empty database, in one transaction.

    Jobs and chunks that wait are published again, and what was being worked on is free.
    """
    engine = _engine(url)
    with translated(), engine.begin() as connection:
        for table, _ in tables:
            connection.execute(text(f'ALTER TABLE "{table.name}" DISABLE TRIGGER USER'))
        for table, file in tables:
            with _driver(connection).cursor() as cursor:
                cursor.copy_expert(f"COPY {table.place} FROM STDIN", file)
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # else the triggers stay off
        for table, _ in tables:
            connection.execute(text(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER'))
        for statement in _SETTLE:
            connection.execute(text(statement))


def require_no_rows(url: str) -> None:
    """Raise `ServiceUnavailable` when the database has rows of ours already."""
    engine = _engine(url)
    with translated(), engine.connect() as connection:
        there = set(connection.execute(_TABLES).scalars())
        for name in sorted(there - _HERE_ONLY):
            if connection.execute(text(f'SELECT 1 FROM "{name}" LIMIT 1')).first() is not None:  # noqa: S608 - a name of PostgreSQL's own
                raise ServiceUnavailable(
                    ErrorCode.DATABASE_UNAVAILABLE,
                    f"The table {name} has rows. Restore into an empty database.",
                )


def _in_order() -> list[str]:
    for module in pkgutil.iter_modules(models.__path__, f"{models.__name__}."):
        import_module(module.name)  # registers its tables
    return [table.name for table in Table.metadata.sorted_tables]


def _engine(url: str) -> Engine:
    """Return an engine without the limits on time that requests have: copying takes as it takes."""
    return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10})


def _driver(connection: Connection) -> Any:
    return connection.connection  # COPY is its speciality
