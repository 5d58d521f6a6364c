"""Files with one JSON object per line."""

import json
from typing import Any

import pytest

from api.imports.record import FileKind
from tasks.imports.row import BadRow
from tests.unit.imports.reading import good, problems, rows_of, sources

NDJSON = FileKind.NDJSON
A, B = "https://a.example/x.jpg", "https://a.example/y.jpg"


def line(**members: Any) -> str:
    return json.dumps(members) + "\n"


@pytest.mark.parametrize("urls", [[A, B], f"{A} {B}", f"{A},{B}"])
def test_urls_are_a_list_or_a_cell(urls: Any) -> None:
    row = good(line(sku="S", image_urls=urls, alt_texts=["Front", None]), NDJSON)
    assert sources(row) == [A, B]
    assert [image.alt for image in row.images] == ["Front", None]


def test_values_may_have_the_types_of_json() -> None:
    row = good(line(serial_number=4711, price=79.9, currency="EUR", metadata={"a": [1]}), NDJSON)
    assert (row.sku, row.fields, row.metadata) == (
        "4711",
        {"price": "79.9", "currency": "EUR"},
        {"a": [1]},
    )


@pytest.mark.parametrize("nothing", [None, "", " ", []])
def test_what_says_nothing_is_left_as_it_is(nothing: Any) -> None:
    row = good(line(sku="S", name=nothing, image_urls=nothing, alt_texts=nothing), NDJSON)
    assert (row.fields, row.images) == ({}, ())


def test_lines_end_anyhow_and_empty_ones_are_none() -> None:
    rows = rows_of('\ufeff{"sku": "A"}\r\n\n{"sku": "B"}', NDJSON)
    assert [(row.line, row.sku) for row in rows] == [(1, "A"), (3, "B")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", [(1, None, "malformed_json")]),
        ('{"sku": NaN}', [(1, None, "malformed_json")]),
        ("[" * 50_000, [(1, None, "malformed_json")]),
        (f'{{"sku": {"9" * 5_000}}}', [(1, None, "malformed_json")]),
        ("[]", [(1, None, "malformed_row")]),
        ('"sku"', [(1, None, "malformed_row")]),
        ("{}", [(1, "sku", "invalid_request")]),
        ('{"sku": true}', [(1, "sku", "invalid_request")]),
        ('{"sku": {"a": 1}}', [(1, "sku", "invalid_request")]),
        ('{"sku": "\\ud800"}', [(1, "sku", "invalid_request")]),
        ('{"sku": "A", "serial_number": "B"}', [(1, "serial_number", "invalid_request")]),
        ('{"sku": "A", "image_urls": [1]}', [(1, "image_urls", "invalid_request")]),
        ('{"sku": "A", "image_urls": {"a": 1}}', [(1, "image_urls", "invalid_request")]),
        ('{"sku": "A", "metadata": {"a": 1e999}}', [(1, "metadata", "invalid_request")]),
        (f'{{"sku": "{"x" * 140_000}"}}', [(1, None, "malformed_row")]),
    ],
)
def test_a_bad_line_is_told(text: str, expected: list[tuple[int, str | None, str]]) -> None:
    assert problems(text, NDJSON) == expected


def test_an_unknown_member_is_refused_only_on_request() -> None:
    text = line(sku="A", nmae="x")
    assert good(text, NDJSON).fields == {}
    (row,) = rows_of(text, NDJSON, strict=True)
    assert isinstance(row, BadRow)
    assert [(p.column, p.code) for p in row.problems] == [("nmae", "invalid_request")]


def test_a_problem_can_always_be_stored_and_shown() -> None:
    for text in ('{"sku": "A", "\\ud800": 1}', '{"sku": "A", "\\u0000x": 1}'):
        for row in rows_of(text, NDJSON, strict=True):
            for problem in getattr(row, "problems", ()):
                (problem.column + problem.detail).encode()
