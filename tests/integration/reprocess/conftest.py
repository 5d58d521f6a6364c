"""A migrated database on which nobody works, with targets for the package's presets."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from infra.db.engine import Database
from infra.stack.stack import Stack
from tasks.imaging.catalogue import packaged_presets
from tasks.reprocess.targets import publish_targets
from tests.integration.database.fresh import empty, migrated_database


@pytest.fixture(scope="module")
def own_database(stack: Stack) -> Iterator[Database]:
    with migrated_database(stack.description.postgres_url) as database:
        yield database


@pytest.fixture
def database(own_database: Database) -> Database:
    """An empty database whose targets are those of the package's presets."""
    empty(own_database)
    with own_database.transaction() as session:
        session.execute(text("TRUNCATE policies, preset_targets, batches CASCADE"))
    publish_targets(own_database, packaged_presets())
    return own_database
