"""Reads the records of a CSV file. The dialect follows from the header line alone."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from api.imports.columns import fields_of_header
from api.imports.lines import MAX_RECORD_CHARACTERS, Lines, TooLong
from api.imports.record import Record, too_long, unreadable
from infra.errors import ErrorCode, Rejected
from tasks.imports.row import BadRow

_DELIMITERS = ",;\t"
_NO_HEADER = "The file is empty; its first line must name the columns."


def csv_records(file: BinaryIO) -> Iterator[Record | BadRow]:
    """Yield each record behind the header; raise `Rejected` (422) when the file is of no use."""
    lines = Lines(file)
    header, delimiter = _header(lines)
    fields = fields_of_header(header)
    names = dict(zip(fields, (column.strip() for column in header), strict=True))
    for first, cells in _rows(lines, delimiter):
        if isinstance(cells, BadRow):
            yield cells
        elif not any(cell.strip() for cell in cells):
            continue  # a line of delimiters alone: spreadsheets leave them behind
        elif len(cells) == len(fields):
            yield Record(first, dict(zip(fields, cells, strict=True)), names)
        else:
            told = f"The record has {len(cells)} cells and the header {len(fields)}."
            yield unreadable(first, told)


def _header(lines: Lines) -> tuple[Sequence[str], str]:
    try:
        first = next((line for line in lines if line.strip()), None)
    except TooLong as exc:
        raise _bad_header(
            f"The first line has more than {MAX_RECORD_CHARACTERS} characters."
        ) from exc
    if first is None:
        raise _bad_header(_NO_HEADER)
    delimiter = _sniffed(first)
    reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    try:
        return next(reader), delimiter
    except (csv.Error, TooLong, StopIteration) as exc:
        raise _bad_header(
            "The header cannot be read: check its quotes, and end lines with LF or CRLF."
        ) from exc


def _sniffed(line: str) -> str:
    """Return the delimiter that stands outside of quotes most often."""
    outside = "".join(line.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


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
            yield first, unreadable(first, _told(exc, first, lines.number))
        else:
            if cells:
                yield first, cells


def _told(error: csv.Error, first: int, last: int) -> str:
    if "unexpected end" in str(error):
        return f"The quote that opens in line {first} or later is never closed."
    where = f"line {first}" if last == first else f"lines {first} to {last}"
    return (
        f"The record in {where} cannot be read. A cell with quotes, delimiters or line breaks "
        'stands in quotes, and a quote in it is doubled: "".'
    )


def _bad_header(detail: str) -> Rejected:
    return Rejected(422, ErrorCode.BAD_HEADER, detail)
