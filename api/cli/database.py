"""The database that DATABASE_URL names, or the local stack's, for commands that work on it."""

from api.cli.local_stack import running_stack
from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings, StackSettings


def open_database() -> Database:
    """Return the database; it connects when it is first used."""
    stack = StackSettings.load()
    if stack.database_url is not None:
        return Database(DatabaseSettings.load())
    running = running_stack(stack, instead_of="DATABASE_URL")
    return Database(DatabaseSettings.load(url=running.postgres_url))
