"""A migrated database on which nobody works, empty at the start of each test."""

from tests.integration.database.own import database, own_database

__all__ = ["database", "own_database"]
