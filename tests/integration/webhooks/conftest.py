"""A migrated database on which only the test's own webhook workers work, empty for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from infra.db.engine import Database
from infra.stack.stack import Stack
from tests.integration.database.fresh import empty, tabled_database
from tests.integration.webhooks.mail import opened


@pytest.fixture(scope="module")
def own_url(stack: Stack) -> Iterator[str]:
    """The URL of the module's database, also for processes of its own."""
    with tabled_database(stack.description.postgres_url) as url:
        yield url


@pytest.fixture(scope="module")
def own_database(own_url: str) -> Iterator[Database]:
    with opened(own_url) as database:
        yield database


@pytest.fixture
def database(own_database: Database) -> Database:
    """An empty database; it takes the place of the stack's own."""
    empty(own_database)
    with own_database.transaction() as session:
        session.execute(text("TRUNCATE webhook_endpoints, webhook_deliveries CASCADE"))
    return own_database
