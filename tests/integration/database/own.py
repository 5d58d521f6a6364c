"""Fixtures: a migrated database on which nobody works, empty at the start of each test."""

from collections.abc import Iterator

import pytest

from infra.db.engine import Database
from infra.stack.stack import Stack
from tests.integration.database.fresh import empty, migrated_database


@pytest.fixture(scope="module")
def own_database(stack: Stack) -> Iterator[Database]:
    with migrated_database(stack.description.postgres_url) as database:
        yield database


@pytest.fixture
def database(own_database: Database) -> Database:
    """An empty database; it takes the place of the stack's own."""
    empty(own_database)
    return own_database
