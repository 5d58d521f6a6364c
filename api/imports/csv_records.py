"""Reads the records of a CSV file.

The dialect follows from the header line, or from the line `sep=;` that Excel puts before it.
Delimiters at the end of lines, which spreadsheets and exports leave behind, mean nothing.
"""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from api.imports.columns import fields_of_header, without_trailing_blanks
from api.imports.lines import MAX_RECORD_CHARACTERS, Lines, TooLong
from api.imports.record import Record, too_long, unreadable
from infra.contract.errors import ErrorCode, Rejected
from tasks.imports.row import BadRow

_DELIMITERS = ",;\t"
_SEPARATOR_LINE = re.compile(r"""\s*"?sep=(?P<delimiter>[^\r\n"])"?[,;\t]*\s*""", re.IGNORECASE)
_NO_HEADER = "The file is empty; its first line must name the columns."


def csv_records(file: BinaryIO) -> Iterator[Record | BadRow]:
    """Yield each record behind the header; raise `Rejected` (422) when the file is of no use."""
    lines = Lines(file)
    first_line = _first_line(lines)
    told = _SEPARATOR_LINE.fullmatch(first_line)
    if told:
        delimiter, first_line = told["delimiter"], _first_line(lines)
    else:  # what stands outside of quotes most often
        delimiter = max(_DELIMITERS, key="".join(first_line.split('"')[::2]).count)
    try:
        header = next(csv.reader(chain([first_line], lines), delimiter=delimiter, strict=True))
    except (csv.Error, TooLong, StopIteration) as exc:
        raise _bad_header(
            "The header cannot be read: check its quotes, and end lines with LF or CRLF."
        ) from exc
    columns = without_trailing_blanks(header)
    fields = fields_of_header(columns)
    names = dict(zip(fields, (column.strip() for column in columns), strict=True))
    for first, cells in _rows(lines, delimiter):
        if isinstance(cells, BadRow):
            yield cells
            continue
        filled = without_trailing_blanks(cells)
        if not filled:
            continue  # a line of delimiters alone
        if len(cells) < len(fields) or len(filled) > len(fields):
            found = max(len(filled), len(cells))
            yield unreadable(first, f"The record has {found} cells and the header {len(fields)}.")
        else:
            yield Record(first, dict(zip(fields, cells, strict=False)), names)


def _first_line(lines: Lines) -> str:
    """Return the next line that says something."""
    lines.begin()
    try:
        first = next((line for line in lines if line.strip()), None)
    except TooLong as exc:
        raise _bad_header(
            f"The first line has more than {MAX_RECORD_CHARACTERS} characters."
        ) from exc
    if first is None:
        raise _bad_header(_NO_HEADER)
    return first


def _rows(lines: Lines, delimiter: str) -> Iterator[tuple[int, list[str] | BadRow]]:
    """Yield the line in which each record begins, and its cells; empty lines are none."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first = lines.number + 1
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except TooLong:
            yield first, too_long(first, lines.number, MAX_RECORD_CHARACTERS)
        except csv.Error as exc:
            last = lines.number
            where = f"line {first}" if last == first else f"lines {first} to {last}"
            detail = (
                f"The record in {where} cannot be read. A cell with quotes, delimiters or line "
                'breaks stands in quotes, and a quote in it is doubled: "".'
            )
            if "unexpected end" in str(exc):
                detail = f"The quote that opens in line {first} or later is never closed."
            yield first, unreadable(first, detail)
        else:
            if cells:
                yield first, cells


def _bad_header(detail: str) -> Rejected:
    return Rejected(422, ErrorCode.BAD_HEADER, detail)
