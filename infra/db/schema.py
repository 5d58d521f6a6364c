"""Whether a database has the tables that this version of the code works with.

Reads the migrations as text: importing the migration tool would take a third of a second in every
process, for one question.
"""

import re
from enum import Enum, auto
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, ServiceUnavailable

MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations" / "versions"

_DOWN_REVISION = re.compile(r"^down_revision\b[^=\n]*=(?P<names>.*)$", re.MULTILINE)
_REVISION = re.compile(r"^revision\b[^=\n]*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)
_NAME = re.compile(r"[\"']([^\"']+)[\"']")


class SchemaAge(Enum):
    """How the tables of a database compare with those of this code."""

    OLDER = auto()
    CURRENT = auto()
    NEWER = auto()


def require_tables(session: Session) -> None:
    """Raise `ServiceUnavailable` when the tables are missing or older than this code.

    Newer ones are fine: a revision that this code does not know was made by a later version.
    """
    if compare_schema(session)[0] is SchemaAge.OLDER:
        raise ServiceUnavailable(
            ErrorCode.DATABASE_UNAVAILABLE,
            "The database has no tables of this version yet; run `product-images migrate`.",
            retry_after_seconds=5,
        )


def compare_schema(session: Session) -> tuple[SchemaAge, str]:
    """Return how the tables compare, and the revision that was applied, "" for none."""
    applied: set[str] = set()
    if session.scalar(text("SELECT to_regclass('alembic_version')")) is not None:
        applied = set(session.scalars(text("SELECT version_num FROM alembic_version")))
    told = ", ".join(sorted(applied))
    if not applied or applied & replaced_revisions(MIGRATIONS):
        return SchemaAge.OLDER, told
    return (SchemaAge.CURRENT if applied <= _revisions(MIGRATIONS) else SchemaAge.NEWER), told


def knows_revision(revision: str) -> bool:
    """Return whether this code has the migration that leads to a revision."""
    return revision in _revisions(MIGRATIONS)


@cache
def _revisions(folder: Path) -> frozenset[str]:
    texts = (path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    return frozenset(name for text in texts for name in _REVISION.findall(text))


@cache
def replaced_revisions(folder: Path) -> frozenset[str]:
    """Return every revision in a folder of migrations that another one there builds upon."""
    texts = (path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    lines = (match["names"] for text in texts for match in _DOWN_REVISION.finditer(text))
    return frozenset(name for line in lines for name in _NAME.findall(line))
