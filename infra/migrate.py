"""Brings a database to a revision of the schema: `python -m infra.migrate`.

Waits until PostgreSQL answers. Safe to run from several processes at once: an advisory lock lets
one go first, and the others find nothing left to do. Each revision is a transaction of its own, so
that one may build an index while a running system writes; what an interruption left is done next
time.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config

from infra.contract.errors import ServiceUnavailable
from infra.db.engine import Connection, Database, exclusive_connection
from infra.logs import configure_logs
from infra.settings.sections import DatabaseSettings, SettingsError
from infra.waiting import wait_for

HEAD = "head"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(url: str, revision: str = HEAD) -> None:
    """Migrate the database at `url` up to `revision`."""
    _migrate(url, command.upgrade, revision)


def downgrade(url: str, revision: str) -> None:
    """Migrate the database at `url` down to `revision` ("base": no tables at all)."""
    _migrate(url, command.downgrade, revision)


def _migrate(url: str, direction: Callable[[Config, str], None], revision: str) -> None:
    with exclusive_connection(url) as connection:
        direction(_config(connection), revision)


def write_revision(url: str, message: str) -> None:
    """Write a new revision file with what differs between the models and the database."""
    with exclusive_connection(url) as connection:
        command.revision(_config(connection), message, autogenerate=True)


def main() -> None:
    """Migrate the configured database to the newest revision, once PostgreSQL answers."""
    configure_logs()
    try:
        settings = DatabaseSettings.load()
        with Database(settings) as database:
            wait_for("PostgreSQL", database.probe)
        upgrade(settings.url)
    except SettingsError as exc:
        sys.exit(str(exc))
    except ServiceUnavailable as exc:
        sys.exit(f"The migration stopped; run it again, it goes on. {exc.detail}")


if __name__ == "__main__":
    main()
