"""Brings a database to a revision of the schema: `python -m infra.migrate`.

Waits until PostgreSQL answers. Safe to run from several processes at once: an advisory lock lets
one go first, and the others find nothing left to do. Each revision is a transaction of its own, so
that one may build an index while a running system writes; what an interruption left is done next
time.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from infra.contract.errors import ServiceUnavailable
from infra.db.engine import Connection, Database, exclusive_connection
from infra.db.schema import MIGRATIONS
from infra.logs import configure_logs
from infra.settings.sections import DatabaseSettings, SettingsError
from infra.waiting import wait_for

HEAD = "head"
_ALEMBICS_COMMENTS = re.compile(r"^ *# ###.*\n", re.MULTILINE)


def _config(connection: Connection, folder: Path = MIGRATIONS) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("version_locations", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    config.set_main_option("truncate_slug_length", "60")
    config.attributes["connection"] = connection
    return config


def upgrade(url: str, revision: str = HEAD, *, folder: Path = MIGRATIONS) -> None:
    """Migrate the database at `url` up to `revision`, with the migrations of `folder`."""
    _migrate(url, command.upgrade, revision, folder=folder)


def downgrade(url: str, revision: str) -> None:
    """Migrate the database at `url` down to `revision` ("base": no tables at all)."""
    _migrate(url, command.downgrade, revision)


def _migrate(
    url: str,
    direction: Callable[[Config, str], None],
    revision: str,
    *,
    folder: Path = MIGRATIONS,
) -> None:
    with exclusive_connection(url) as connection:
        direction(_config(connection, folder), revision)


def write_migration(url: str, subject: str, *, folder: Path = MIGRATIONS) -> Path | None:
    """Write the next numbered migration of `folder`, from its newest one to the models.

    `url` is an empty database to compare the models with. Returns the new file, or None when the
    migrations build what the models describe.
    """

    def without_empty_ones(_context: object, _revision: object, directives: list[Any]) -> None:
        if directives[0].upgrade_ops.is_empty():
            directives.clear()

    upgrade(url, folder=folder)
    with exclusive_connection(url) as connection:
        config = _config(connection, folder)
        newest = ScriptDirectory.from_config(config).get_current_head() or "0"
        number = f"{int(newest) + 1:04}"
        command.revision(
            config,
            subject.rstrip("."),
            autogenerate=True,
            rev_id=number,
            process_revision_directives=without_empty_ones,
        )
    written = next(folder.glob(f"v{number}_*.py"), None)
    if written is not None:
        written.write_text(_ALEMBICS_COMMENTS.sub("", written.read_text(encoding="utf-8")))
    return written


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
