"""A migrated database on which nobody works, with targets for the package's presets."""

import pytest
from sqlalchemy import text

from infra.db.engine import Database
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.reprocess.targets import publish_targets
from tests.integration.database.fresh import empty
from tests.integration.database.own import own_database

__all__ = ["database", "own_database"]


@pytest.fixture
def database(own_database: Database) -> Database:
    """An empty database whose targets are those of the package's presets."""
    empty(own_database)
    with own_database.transaction() as session:
        session.execute(text("TRUNCATE policies, preset_targets, batches CASCADE"))
    publish_targets(own_database, packaged_presets())
    return own_database
