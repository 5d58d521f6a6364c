"""Reads the records of a file with one JSON object per line."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from api.bodies.submission import refuse_constant
from api.imports.columns import field_of, shown, unknown
from api.imports.lines import MAX_RECORD_CHARACTERS, Lines, TooLong
from api.imports.record import Record, too_long, unreadable
from infra.contract.errors import ErrorCode
from tasks.imports.row import BadRow, RowProblem

_NOT_AN_OBJECT = 'The line is not a JSON object such as {"sku": "SHOE-42"}.'


def ndjson_records(file: BinaryIO) -> Iterator[Record | BadRow]:
    """Yield each record; raise `Rejected` (422) when the file is of no use."""
    lines = Lines(file)
    while True:
        lines.begin()
        try:
            line = next(lines)
        except StopIteration:
            return
        except TooLong:
            yield too_long(lines.number, lines.number, MAX_RECORD_CHARACTERS)
        else:
            if line.strip():
                yield _record(lines.number, line)


def _record(number: int, line: str) -> Record | BadRow:
    """Read a line, and give its members the names of our fields."""
    try:
        document = json.loads(line, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as exc:
        told = exc.msg if isinstance(exc, json.JSONDecodeError) else "it cannot be read"
        return unreadable(
            number, f"The line is not valid JSON: {told}.", code=ErrorCode.MALFORMED_JSON
        )
    if not isinstance(document, dict):
        return unreadable(number, _NOT_AN_OBJECT)
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    problems = []
    for member, value in document.items():
        field = field_of(member)
        if field is None or field in values:
            told = f"The member {unknown(member)}" if field is None else "It is there twice."
            problems.append(RowProblem(number, shown(member), ErrorCode.INVALID_REQUEST, told))
        else:
            values[field], names[field] = value, member
    return BadRow(number, None, tuple(problems)) if problems else Record(number, values, names)
