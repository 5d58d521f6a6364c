"""A record of an imported file before its values are checked, and what is known of the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from api.imports.columns import Columns
from infra.contract.errors import ErrorCode
from tasks.imports.row import BadRow, RowProblem


class FileKind(StrEnum):
    """How records are written down."""

    CSV = "csv"
    NDJSON = "ndjson"
    XLSX = "xlsx"
    FEED = "feed"
    ZIP = "zip"


@dataclass(slots=True)
class FileFacts:
    """What a file turned out to be; complete once all of its records were read."""

    kind: FileKind
    columns: Columns
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    pattern: str | None = None
    warnings: list[str] = field(default_factory=list)
    _short: list[int] = field(default_factory=lambda: [0, 0])

    def count_short(self, line: int) -> None:
        """Count a record that ends before the last column."""
        count, first = self._short
        self._short = [count + 1, first or line]

    def remarks(self) -> list[str]:
        """Return what a caller should know about how the file was read, as sentences."""
        count, first = self._short
        told = [*self.warnings, *self.columns.remarks()]
        if count:
            lines = (
                f"Line {first} ends" if count == 1 else f"{count} lines, line {first} first, end"
            )
            told.append(f"{lines} before the last column; cells that are missing count as empty.")
        return told


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
