"""A migrated database on which nobody works, and a bucket of its own: empty at the start."""

from collections.abc import Iterator

import pytest

from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings
from infra.stack.stack import Stack
from tests.integration.database.own import database, own_database

__all__ = ["database", "own_database", "own_store", "own_store_settings"]


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
