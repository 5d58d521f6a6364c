"""Reads the records of a file with one JSON object per line."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from api.bodies.submission import refuse_constant
from api.imports.columns import Columns, FileRules, shown, unknown
from api.imports.formats.lines import MAX_RECORD_CHARACTERS, Lines, TooLong
from api.imports.record import FileFacts, Record, too_long, unreadable
from infra.contract.errors import ErrorCode
from tasks.imports.row import BadRow, RowProblem

_NOT_AN_OBJECT = 'The line is not a JSON object such as {"sku": "SHOE-42"}.'


def ndjson_records(file: BinaryIO, rules: FileRules, facts: FileFacts) -> Iterator[Record | BadRow]:
    """Yield each record; raise `Rejected` (422) when the file is of no use.

    The members of the first object decide which profile the file has.
    """
    lines = Lines(file)
    is_first = True
    while True:
        lines.begin()
        try:
            line = next(lines)
        except StopIteration:
            return
        except TooLong:
            yield too_long(lines.number, lines.number, MAX_RECORD_CHARACTERS)
        else:
            if not line.strip():
                continue
            document = _document(lines.number, line)
            if isinstance(document, BadRow):
                yield document
                continue
            if is_first:
                facts.columns, is_first = Columns(rules, list(document)), False
            yield _record(lines.number, document, facts.columns)


def _document(number: int, line: str) -> dict[str, Any] | BadRow:
    """Return the object that a line is."""
    try:
        document = json.loads(line, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as exc:
        told = exc.msg if isinstance(exc, json.JSONDecodeError) else "it cannot be read"
        return unreadable(
            number, f"The line is not valid JSON: {told}.", code=ErrorCode.MALFORMED_JSON
        )
    if not isinstance(document, dict):
        return unreadable(number, _NOT_AN_OBJECT)
    return document


def _record(number: int, document: dict[str, Any], columns: Columns) -> Record | BadRow:
    """Give the members of an object the names of our fields."""
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    problems = []
    for member, value in document.items():
        if columns.is_strange(member):
            told = f"The member {unknown(member)}"
            problems.append(RowProblem(number, shown(member), ErrorCode.INVALID_REQUEST, told))
            continue
        field = columns.field_of(member)
        if field is None or value in (None, "", []):
            continue
        if field not in values:
            values[field], names[field] = value, member
        elif field == "image_urls":
            values[field] = [*_listed(values[field]), *_listed(value)]
        elif columns.profile is None:
            told = "It is there twice."
            problems.append(RowProblem(number, shown(member), ErrorCode.INVALID_REQUEST, told))
    return BadRow(number, None, tuple(problems)) if problems else Record(number, values, names)


def _listed(value: Any) -> list[Any]:
    """Return several cells as one list, which `build` checks."""
    return value if isinstance(value, list) else [value]
