"""CSV files as people and programs write them: dialects, limits, and records that are wrong."""

from dataclasses import replace
from typing import Any

import pytest

from api.imports.formats.lines import MAX_RECORD_CHARACTERS
from api.imports.read import Limits
from infra.contract.errors import ErrorCode, Rejected
from infra.settings.sections import ImportSettings
from tasks.imports.row import BadRow, GoodRow
from tests.unit.imports.reading import LIMITS, good, problems, read, rows_of, sources

A, B = "https://a.example/x.jpg", "https://a.example/y.jpg"


def refusal(text: str | bytes, limits: Limits = LIMITS, **rules: Any) -> Rejected:
    with pytest.raises(Rejected) as refused:
        rows_of(text, limits=limits, **rules)
    return refused.value


@pytest.mark.parametrize(
    "text",
    [
        "sku,name\nS-1,Shoe\n",
        "sku,name\nS-1,Shoe",
        "sku;name\r\nS-1;Shoe\r\n",
        "sku\tname\nS-1\tShoe\n",
        '\ufeffsku,name\n"S-1","Shoe"\n',
        '\ufeff"sku";"name"\n"S-1";"Shoe"\n',
        "serial_number,product_name\nS-1,Shoe\n",
        "Serial Number;Product-Name\nS-1;Shoe\n",
        "\n\nsku,name\n\nS-1,Shoe\n\n",
        "  sku , name \n S-1 , Shoe \n",
        "name,sku\nShoe,S-1\n",
        '"sku","name"\nS-1,Shoe\n,\n',
        "sep=;\r\nsku;name\r\nS-1;Shoe\r\n",
        "\ufeffsep=,\nsku,name\nS-1,Shoe\n",
        "SEP=|\nsku|name\nS-1|Shoe\n",
        '"sep=\t"\nsku\tname\nS-1\tShoe\n',
        "sep=;,,\n\nsku;name\nS-1;Shoe\n",
        "sku,name,\nS-1,Shoe,\n",
        "sku,name,\nS-1,Shoe\n",
        "sku,name\nS-1,Shoe,\n",
        "sku;name;;\nS-1;Shoe; ;\n;;;\n",
    ],
)
def test_every_dialect_gives_the_same_row(text: str) -> None:
    row = good(text)
    assert (row.sku, row.fields, row.images) == ("S-1", {"name": "Shoe"}, ())


def test_all_columns_reach_the_row() -> None:
    row = good(
        "sku,product_name,description,price,currency,owner_id,image_urls,alt_texts,metadata\n"
        f'S-1,Shoe,"Soft, ""light""\nand red",79.90,EUR,shop,{A} {B},Front|Back,"{{""a"": 1}}"\n'
    )

    assert row.content == {
        "fields": {
            "name": "Shoe",
            "description": 'Soft, "light"\nand red',
            "price": "79.90",
            "currency": "EUR",
            "owner_id": "shop",
        },
        "images": [{"url": A, "alt": "Front"}, {"url": B, "alt": "Back"}],
        "metadata": {"a": 1},
    }


def test_an_empty_cell_says_nothing() -> None:
    row = good("sku,name,price,currency,image_urls,alt_texts,metadata\nS-1,, ,,,,\n")
    assert (row.fields, row.images, row.metadata) == ({}, (), None)


def test_lines_are_those_in_which_records_begin() -> None:
    rows = rows_of('sku,name\nA,"two\nlines"\n\nB,x\n')
    assert [row.line for row in rows] == [2, 5]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("name,price", "sku or serial_number"),
        ("sku,serial_number", "more than once"),
        ("sku,name,Product Name", "more than once"),
        ("sep=;\nsku,name", "not known"),
        ("sep=;", "not known"),
        ("S-1", "not known"),
        ("", "empty"),
        ('"sku', "cannot be read"),
        ("sku,name\rS-1,Shoe\rS-2,Hat", "LF or CRLF"),
        ("x" * 200_000, "more than 131072 characters"),
        ("x" * 900_000, "more than 131072 characters"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused_with_a_hint(header: str, told: str) -> None:
    refused = refusal(f"{header}\nS-1,x\n" if header else "")
    assert (refused.status, refused.code) == (422, ErrorCode.BAD_HEADER)
    assert told in refused.detail


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("sku,nmae", "did you mean 'name'"),
        ("sku,colour", "known are sku"),
        ("sku,image_ulrs", "did you mean 'image_urls'"),
        ("sku,,name", "not known"),
        ("sku,group", "not known"),
    ],
)
def test_an_unknown_column_is_refused_only_on_request(header: str, told: str) -> None:
    text = f"{header}\nS-1,x\n"
    assert good(text).sku == "S-1"
    refused = refusal(text, strict=True)
    assert (refused.status, refused.code) == (422, ErrorCode.BAD_HEADER)
    assert told in refused.detail


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("S-1,a,b\n", [(2, None, "malformed_row")]),
        ("S-1,a,,b\n", [(2, None, "malformed_row")]),
        ('S-1,"a"b\nS-2,x\n', [(2, None, "malformed_row")]),
        ('S-1,x\nS-2,"never closed\nS-3,y\n', [(3, None, "malformed_row")]),
        (",x\n", [(2, "sku", "invalid_request")]),
        (f"{'s' * 201},x\n", [(2, "sku", "invalid_request")]),
        ("S\x001,x\n", [(2, "sku", "invalid_request")]),
        (f"S-1,{'n' * 501}\n", [(2, "name", "invalid_request")]),
        (f"S-1,{'n' * MAX_RECORD_CHARACTERS}\n", [(2, None, "malformed_row")]),
        (f"S-1,{'n' * 900_000}\n", [(2, None, "malformed_row")]),
        ("A,x\nB,y\nA,z\n", []),
        ("a,x\nA,y\n", []),
    ],
)
def test_a_bad_record_is_told_with_its_line_and_column(
    records: str, expected: list[tuple[int, str | None, str]]
) -> None:
    assert problems(f"sku,name\n{records}") == expected


@pytest.mark.parametrize("filling", ["n" * MAX_RECORD_CHARACTERS, "n" * 900_000])
def test_what_follows_a_record_that_is_too_long_is_read(filling: str) -> None:
    rows = rows_of(f"sku,name\nA,{filling}\nB,x\n")
    assert [(row.line, type(row)) for row in rows] == [(2, BadRow), (3, GoodRow)]


def test_a_quote_that_is_not_closed_is_named_when_its_record_gets_too_long() -> None:
    lines = "\n".join(f"S-{n},{'x' * 100}" for n in range(2_000))
    first, *_ = rows_of(f'sku,name\nA,"open\n{lines}\n')

    assert isinstance(first, BadRow)
    assert "lines 2 to" in first.problems[0].detail
    assert "quote" in first.problems[0].detail


def test_columns_are_called_as_the_file_calls_them() -> None:
    text = f"Serial Number;Product Name\nA;{'n' * 501}\n"
    assert problems(text) == [(2, "Product Name", "invalid_request")]


def test_cells_that_are_missing_at_the_end_of_a_line_are_empty() -> None:
    found = read("sku,name,image_urls\nS-1\nS-2,Shoe\n")

    assert [row.sku for row in found.rows] == ["S-1", "S-2"]
    assert found.facts.remarks() == [
        "2 lines, line 2 first, end before the last column; cells that are missing count as empty."
    ]


def test_titles_above_the_names_of_the_columns_are_skipped() -> None:
    found = read("Price list,spring;\n;;\n\nsku;name\nS-1;Shoe\n")

    assert [(row.line, row.sku) for row in found.rows] == [(5, "S-1")]
    assert found.facts.delimiter == ";"
    assert "stand in line 4" in found.facts.remarks()[0]


def test_rows_are_counted_and_an_empty_file_is_refused() -> None:
    limits = replace(LIMITS, imports=ImportSettings.model_validate({"max_rows": 2}))
    assert len(rows_of("sku\nA\nB\n", limits=limits)) == 2
    for text in ("sku\nA\nB\nC\n", "sku\n", "sku\n\n\n"):
        assert refusal(text, limits).code == ErrorCode.TOO_MANY_ROWS


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1,234", "invalid_request"),
        ("1.2,34", "invalid_request"),
        ("1_000", "invalid_request"),
        ("\u0661\u0662", "invalid_request"),
        ("1e3", "invalid_request"),
        ("-1", "invalid_request"),
        ("NaN", "invalid_request"),
        ("1e400", "invalid_request"),
        ("1.23456", "invalid_request"),
        ("€ 5", "invalid_request"),
    ],
)
def test_a_price_obeys_the_rules_of_products(cell: str, code: str) -> None:
    assert problems(f"sku;price;currency\nA;{cell};EUR\n") == [(2, "price", code)]


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        ("79,90", "79.90"),
        (" 79.9 ", "79.9"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1.234.567,8", "1234567.8"),
        ("1 234,50", "1234.50"),
        ("1\u202f234,50", "1234.50"),
        ("1'234.50", "1234.50"),
    ],
)
def test_a_price_is_read_as_it_is_written_in_any_country(cell: str, price: str) -> None:
    assert good(f"sku;price;currency\nA;{cell};EUR\n").fields["price"] == price


def test_a_price_that_could_mean_two_things_is_explained() -> None:
    (row,) = rows_of("sku;price;currency\nA;1,234;EUR\n")
    assert isinstance(row, BadRow)
    assert "decimal point" in row.problems[0].detail


def test_all_wrong_cells_of_a_row_are_told() -> None:
    found = problems(f"sku,price,currency,image_urls\n,x,eur,{A} b.jpg\n")
    assert {column for _, column, _ in found} == {"sku", "price", "currency", "image_urls"}


def test_metadata_is_a_json_object() -> None:
    for cell in ("x", "[1]", '"""a"""', '"{""a"": 1e999}"', "{" * 5_000):
        ((_, column, _),) = problems(f"sku,metadata\nA,{cell}\n")
        assert column == "metadata", cell


def test_sources_are_normalised_and_each_is_one_image() -> None:
    row = good("sku,image_urls\nA,HTTP://A.example:80/x.jpg http://a.example/x.jpg\n")
    assert sources(row) == ["http://a.example/x.jpg"]


def test_an_address_that_is_never_connected_to_is_the_error_of_its_row() -> None:
    text = f"sku,image_urls\nA,{A}\nB,{A} http://10.0.0.1/b.jpg\nC,http://localhost/c.jpg\n"

    blocked = ErrorCode.BLOCKED_ADDRESS
    assert problems(text) == [(3, "image_urls", blocked), (4, "image_urls", blocked)]
