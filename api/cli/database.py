"""The database that DATABASE_URL names, or the local stack's, for commands that work on it."""

from infra.db.engine import Database
from infra.settings import DatabaseSettings, SettingsError, StackSettings
from infra.stack.description import FILE_NAME, StackDescription
from infra.stack.failure import StackError


def open_database() -> Database:
    """Return the database; it connects when it is first used."""
    return Database(_settings())


def _settings() -> DatabaseSettings:
    stack = StackSettings.load()
    if stack.database_url is not None:
        return DatabaseSettings.load()
    try:
        description = StackDescription.load(stack.stack_directory / FILE_NAME)
    except StackError as exc:
        raise SettingsError(
            "DATABASE_URL is not set, and no local stack runs here. Set it, or start one: make run."
        ) from exc
    return DatabaseSettings.load(url=description.postgres_url)
