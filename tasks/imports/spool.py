"""The rows of a file between reading and writing: in a temporary file, ready for COPY.

So a file is read once with flat memory, nothing is written before all of it was read, and the
transaction that writes it is short.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self
from uuid import UUID

from infra.db.copy import copy_line
from tasks.imports.row import BadRow, Row, RowProblem

MAX_PROBLEMS = 100
COLUMNS = ("batch_id", "line", "sku", "content", "error_code", "error_detail")
_MAX_DETAIL_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Tally:
    """What a file holds: rows, how many of them are good, bad, and good with images.

    `problems` are the first ones.
    """

    rows: int
    accepted: int
    rejected: int
    jobs: int
    problems: tuple[RowProblem, ...]


class Spool:
    """Takes rows, then gives them back as lines. Use it in a `with`: leaving it deletes them."""

    def __init__(self, batch_id: UUID) -> None:
        self.batch_id = batch_id
        self._file = TemporaryFile(prefix="product-images-import-", buffering=1 << 16)  # noqa: SIM115 - closed by close()
        self._accepted = self._rejected = self._jobs = 0
        self._problems: list[RowProblem] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def tally(self) -> Tally:
        """Count what was added so far."""
        return Tally(
            rows=self._accepted + self._rejected,
            accepted=self._accepted,
            rejected=self._rejected,
            jobs=self._jobs,
            problems=tuple(self._problems),
        )

    def add(self, row: Row) -> None:
        """Keep one row."""
        if isinstance(row, BadRow):
            self._rejected += 1
            self._problems += row.problems[: MAX_PROBLEMS - len(self._problems)]
            told = (f"{p.column}: {p.detail}" if p.column else p.detail for p in row.problems)
            detail = " ".join(told).replace("\x00", "")[:_MAX_DETAIL_CHARACTERS]
            self._write(row, None, code=row.problems[0].code, detail=detail)
        else:
            self._accepted += 1
            self._jobs += bool(row.images)
            self._write(row, json.dumps(row.content))

    def lines(self) -> Iterator[bytes]:
        """Yield all rows, from the first one on."""
        self._file.seek(0)
        yield from self._file

    def _write(
        self, row: Row, content: str | None, *, code: str | None = None, detail: str | None = None
    ) -> None:
        values = (str(self.batch_id), str(row.line), row.sku, content, code, detail)
        self._file.write(copy_line(values))
