"""A migrated database on which nobody works, empty at the start of each test."""

from collections.abc import Iterator

import pytest

from infra.db.engine import Database
from infra.objectstore import ObjectStore
from infra.settings import StoreSettings
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


@pytest.fixture(scope="module")
def own_store_settings(stack: Stack) -> StoreSettings:
    described = stack.description
    return StoreSettings(
        endpoint=described.s3_endpoint,
        access_key=described.s3_access_key,
        secret_key=described.s3_secret_key,
        bucket="own-store",
    )


@pytest.fixture
def own_store(own_store_settings: StoreSettings) -> Iterator[ObjectStore]:
    """A bucket of its own, empty."""
    with ObjectStore(own_store_settings) as opened:
        opened.prepare("variants/")
        for prefix in ("originals/", "variants/"):
            for page in opened.pages(prefix):
                opened.remove_many([each.key for each in page])
        yield opened
