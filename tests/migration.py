"""`make migration M="…"`: writes the next migration from what the models have changed.

A PostgreSQL of its own gets the migrations that are there, and Alembic compares it with the models.
"""

import subprocess
import sys
from pathlib import Path

from infra.db.schema import MIGRATIONS
from infra.migrate import write_migration
from infra.settings.sections import StackSettings
from infra.stack.account import erase
from infra.stack.stack import Stack
from infra.stack.supervisor.part import Progress

_PROJECT = Path(__file__).resolve().parent.parent
_DIRECTORY = _PROJECT / ".local" / "migration"
_RUFF = str(Path(sys.executable).with_name("ruff"))
_USAGE = """Say what the migration does: make migration M="Keep the reason of a refusal"\n"""
_NOTHING = (
    "Nothing to write: the migrations build what the models describe. Change a model first.\n"
)
_NEXT = "Read it, complete it (moved rows, locks on large tables), then: make test T={test}\n"
_TEST = "tests/integration/database/test_migrations.py"


def main(arguments: list[str], folder: Path = MIGRATIONS) -> int:
    """Write the migration that the arguments describe into a folder; return the exit status."""
    subject = " ".join(arguments).strip()
    if not subject:
        sys.stderr.write(_USAGE)
        return 2
    with Stack(_postgres_alone(), _silent, application=False) as stack:
        written = write_migration(stack.description.postgres_url, subject, folder=folder)
    erase(_DIRECTORY)
    if written is None:
        sys.stderr.write(_NOTHING)
        return 1
    for ruff in (("check", "--fix", "--exit-zero", "-q"), ("format", "-q")):
        subprocess.run([_RUFF, *ruff, str(written)], cwd=_PROJECT, check=True)
    sys.stdout.write(f"Written: {written}\n{_NEXT.format(test=_TEST)}")
    return 0


def _postgres_alone() -> StackSettings:
    """The other services have addresses already, as far as the stack is told."""
    return StackSettings(
        stack_directory=_DIRECTORY,
        database_url=None,
        amqp_url="amqp://unused",
        redis_url="redis://unused",
        s3_endpoint="http://unused",
        prefect_api_url="http://unused/api",
    )


def _silent(progress: Progress) -> None:
    del progress


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
