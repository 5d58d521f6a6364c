"""Use cases: keep how the files of a supplier are read, under a name; show it, and forget it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from infra.contract.errors import ErrorCode, Rejected
from infra.db.engine import Database
from infra.db.models.imports import ImportMapping
from infra.db.retry import again_after_conflict


@dataclass(frozen=True, slots=True)
class MappingView:
    """A saved mapping; `reading` are the members that a caller sent."""

    name: str
    reading: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: ImportMapping) -> Self:
        """Show a row."""
        return cls(row.name, row.reading, row.created_at, row.updated_at)


@again_after_conflict
def save_mapping(
    database: Database, name: str, reading: Mapping[str, Any]
) -> tuple[MappingView, bool]:
    """Keep a mapping in place of the one of that name; return it, and whether it is new."""
    written = insert(ImportMapping).values(name=name, reading=dict(reading))
    statement = written.on_conflict_do_update(
        index_elements=[ImportMapping.name],
        set_={"reading": written.excluded.reading, "updated_at": func.now()},
    )
    with database.transaction() as session:
        is_new = session.scalar(statement.returning(literal_column("xmax = 0")))
        row = session.get_one(ImportMapping, name, populate_existing=True)
        return MappingView.of(row), bool(is_new)


def list_mappings(database: Database, *, limit: int, after: str | None = None) -> list[MappingView]:
    """Return mappings by name; `after` is the last name of the page before."""
    statement = select(ImportMapping).order_by(ImportMapping.name).limit(limit)
    if after is not None:
        statement = statement.where(ImportMapping.name > after)
    with database.transaction() as session:
        return [MappingView.of(row) for row in session.scalars(statement)]


def find_mapping(database: Database, name: str) -> MappingView | None:
    """Return a mapping, None when there is none of that name."""
    with database.transaction() as session:
        row = session.get(ImportMapping, name)
        return None if row is None else MappingView.of(row)


@again_after_conflict
def forget_mapping(database: Database, name: str) -> None:
    """Delete a mapping; raise `Rejected` (404) when there is none of that name."""
    statement = delete(ImportMapping).where(ImportMapping.name == name)
    with database.transaction() as session:
        if session.scalars(statement.returning(ImportMapping.name)).first() is None:
            raise no_mapping(name)


def no_mapping(name: str) -> Rejected:
    """Return the refusal of a name that no mapping has."""
    return Rejected(404, ErrorCode.NOT_FOUND, f"There is no mapping {name[:100]!r}.")
