"""Reads an imported file from its first byte to its last, once, with flat memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import BinaryIO

from api.imports.build import row_of
from api.imports.csv_records import csv_records
from api.imports.ndjson_records import ndjson_records
from api.imports.record import Record
from api.schemas.submissions import UrlRules
from infra.contract.errors import ErrorCode, Rejected
from infra.settings.sections import ApiSettings, ImportSettings
from tasks.imports.row import BadRow, Row, RowProblem

_DIGEST_BYTES = 12  # a mark of a sku, so that long ones cost no more memory than short ones


class FileKind(StrEnum):
    """How records are written down."""

    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold."""

    api: ApiSettings
    imports: ImportSettings
    rules: UrlRules


_RECORDS: dict[FileKind, Callable[[BinaryIO], Iterator[Record | BadRow]]] = {
    FileKind.CSV: csv_records,
    FileKind.NDJSON: ndjson_records,
}


def read_rows(file: BinaryIO, kind: FileKind, limits: Limits) -> Iterator[Row]:
    """Yield every row in the order of the file.

    Raises `Rejected` (422) for what makes the whole file useless: its encoding, its header, more
    rows than allowed, or none.
    """
    api, rules = limits.api, limits.rules
    most, count = limits.imports.max_rows, 0
    lines: dict[bytes, int] = {}
    for record in _RECORDS[kind](file):
        count += 1
        if count > most:
            raise _wrong_number(f"The file has more than {most} rows. Import it in parts.")
        row = record if isinstance(record, BadRow) else row_of(record, api, rules=rules)
        if row.sku is not None:
            mark = blake2b(row.sku.encode(), digest_size=_DIGEST_BYTES).digest()
            first = lines.setdefault(mark, row.line)
            if first != row.line:
                column = record.names["sku"] if isinstance(record, Record) else None
                told = f"Line {first} has the sku {row.sku[:60]!r} already."
                problem = RowProblem(row.line, column, ErrorCode.DUPLICATE_SKU, told)
                row = BadRow(row.line, row.sku, (problem,))
        yield row
    if not count:
        raise _wrong_number("The file has no rows.")


def _wrong_number(detail: str) -> Rejected:
    return Rejected(422, ErrorCode.TOO_MANY_ROWS, detail)
