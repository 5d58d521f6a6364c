"""Reads the records of a CSV file.

The dialect follows from the header line, or from the line `sep=;` that Excel puts before it.
Delimiters at the end of lines, which spreadsheets and exports leave behind, mean nothing, and cells
that are missing there are empty.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from api.imports.columns import Columns, FileRules, values_of, without_trailing_blanks
from api.imports.formats.lines import MAX_RECORD_CHARACTERS, Lines, TooLong
from api.imports.record import FileFacts, Record, too_long, unreadable
from infra.contract.errors import ErrorCode, Rejected
from tasks.imports.row import BadRow

MAX_LINES_BEFORE_HEADER = 10
_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"""\s*"?sep=(?P<delimiter>[^\r\n"])"?[,;\t]*\s*""", re.IGNORECASE)
_NO_HEADER = "The file is empty; its first line must name the columns."
_BROKEN_HEADER = "The header cannot be read: check its quotes, and end lines with LF or CRLF."


def csv_records(file: BinaryIO, rules: FileRules, facts: FileFacts) -> Iterator[Record | BadRow]:
    """Yield each record behind the header; raise `Rejected` (422) when the file is of no use."""
    lines = Lines(file)
    delimiter, header = _header(lines, rules, facts)
    facts.columns, facts.delimiter = Columns(rules, header), delimiter
    layout = facts.columns.layout_of(header)
    for first, cells in _rows(lines, delimiter):
        if isinstance(cells, BadRow):
            yield cells
            continue
        filled = without_trailing_blanks(cells)
        if not filled:
            continue  # a line of delimiters alone
        if len(filled) > len(header):
            yield unreadable(
                first, f"The record has {len(filled)} cells and the header {len(header)}."
            )
        else:
            if len(cells) < len(header):
                facts.count_short(first)
            yield Record(first, *values_of(layout, filled))


def _header(lines: Lines, rules: FileRules, facts: FileFacts) -> tuple[str, Sequence[str]]:
    """Return the delimiter and the columns: the first line, or a later one if titles stand above.

    Amazon's templates have two or more lines above the names of their columns.
    """
    refusal: Rejected | None = None
    for number in range(MAX_LINES_BEFORE_HEADER):
        line = _next_line(lines)
        if line is None:
            break
        told = _SEPARATOR_LINE.fullmatch(line) if number == 0 else None
        if told:
            following = _next_line(lines)
            if following is None:
                break
            delimiter, line = told["delimiter"], following
        else:  # what stands outside of quotes most often
            delimiter = max(_DELIMITERS, key="".join(line.split('"')[::2]).count)
        try:
            cells = next(csv.reader(chain([line], lines), delimiter=delimiter, strict=True))
        except (csv.Error, TooLong, StopIteration) as exc:
            raise refusal or _bad_header(_BROKEN_HEADER) from exc
        header = without_trailing_blanks(cells)
        try:
            Columns(rules, header).layout_of(header)
        except Rejected as exc:
            refusal = refusal or exc
        else:
            if refusal is not None:
                facts.warnings.append(header_is_below(lines.number))
            return delimiter, header
    raise refusal or _bad_header(_NO_HEADER)


def header_is_below(line: int) -> str:
    """Return the sentence about a header that is not the first line."""
    return f"The names of the columns stand in line {line}; the lines above are skipped."


def _next_line(lines: Lines) -> str | None:
    """Return the next line that says something, if any."""
    lines.begin()
    try:
        return next((line for line in lines if line.strip()), None)
    except TooLong as exc:
        raise _bad_header(
            f"The first line has more than {MAX_RECORD_CHARACTERS} characters."
        ) from exc


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
