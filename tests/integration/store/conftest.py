"""The stack's object store, through the adapter and past it."""

from collections.abc import Iterator

import pytest

from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings
from infra.stack.stack import Stack


@pytest.fixture(scope="session")
def store_settings(stack: Stack) -> StoreSettings:
    described = stack.description
    return StoreSettings(
        endpoint=described.s3_endpoint,
        access_key=described.s3_access_key,
        secret_key=described.s3_secret_key,
        bucket=described.s3_bucket,
    )


@pytest.fixture
def store(store_settings: StoreSettings) -> Iterator[ObjectStore]:
    with ObjectStore(store_settings) as opened:
        yield opened
