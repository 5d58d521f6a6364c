"""A record of an imported file before its values are checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.contract.errors import ErrorCode
from tasks.imports.row import BadRow, RowProblem


@dataclass(frozen=True, slots=True)
class Record:
    """Values by the name of our field; `names` says how the file calls a field."""

    line: int
    values: Mapping[str, Any]
    names: Mapping[str, str]


def unreadable(line: int, detail: str, *, code: ErrorCode = ErrorCode.MALFORMED_ROW) -> BadRow:
    """Return the row for a record that cannot be read at all."""
    return BadRow(line, None, (RowProblem(line, None, code, detail),))


def too_long(first: int, last: int, most: int) -> BadRow:
    """Return the row for a record that is longer than it may be."""
    where = f"The record in line {first}"
    if last > first:
        where = f"The record in lines {first} to {last} (is a quote not closed?)"
    return unreadable(first, f"{where} has more than {most} characters.")
