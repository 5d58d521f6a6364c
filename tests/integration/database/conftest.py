"""Databases beside the stack's own: one without tables, one migrated."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from infra.stack.stack import Stack
from tests.integration.database.fresh import Connect, empty_database, migrated_database


@pytest.fixture(scope="session")
def server_url(stack: Stack) -> str:
    """The stack's PostgreSQL server."""
    return DatabaseSettings(url=stack.description.postgres_url).url


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """A database without tables."""
    with empty_database(server_url) as url:
        yield url


@pytest.fixture(scope="module")
def own_database(server_url: str) -> Iterator[Database]:
    """A migrated database on which nobody works."""
    with migrated_database(server_url) as database:
        yield database


@pytest.fixture
def connect(empty_url: str) -> Iterator[Connect]:
    """Open a database without tables, with other settings; it closes with the test."""
    opened: list[Database] = []

    def opening(**settings: Any) -> Database:
        opened.append(Database(DatabaseSettings(**({"url": empty_url} | settings))))
        return opened[-1]

    yield opening
    for database in opened:
        database.close()
