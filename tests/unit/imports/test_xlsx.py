"""Excel workbooks as people save them, and those that are broken or mean harm."""

import tracemalloc
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from api.imports.record import FileKind
from infra.contract.errors import ErrorCode, Rejected
from infra.settings.sections import ImportSettings
from tests.unit.imports.reading import LIMITS, read
from tests.unit.imports.workbooks import packed, saved, sheet_of, text_cell, workbook

A, B = "https://a.example/x.jpg", "https://a.example/y.jpg"
HEADER = f"<row>{text_cell('A1', 'sku')}{text_cell('B1', 'name')}</row>"


def test_a_workbook_is_read_as_people_see_it() -> None:
    book = workbook(
        [
            ["SKU", "Product Name", "Price", "Currency", "Image URLs", None],
            ["S-1", "Soft,\nlight", 79.9, "EUR", f"{A}\n{B}", "a note"],
            [],
            [4006381333931, "Häschen €", 19, "EUR", None],
            ["S-3", None, 0.1 + 0.2, "EUR"],
            [7, "seven"],
        ]
    )
    book.active["A6"].number_format = "00000"

    found = read(saved(book))

    assert found.facts.kind is FileKind.XLSX
    assert {sku: content["fields"] for sku, content in found.products.items()} == {
        "S-1": {"name": "Soft, light", "price": "79.9", "currency": "EUR"},
        "4006381333931": {"name": "Häschen €", "price": "19", "currency": "EUR"},
        "S-3": {"price": "0.3", "currency": "EUR"},
        "00007": {"name": "seven"},
    }
    assert found.images["S-1"] == [A, B]
    assert [row.line for row in found.rows] == [2, 4, 5, 6]


def test_the_first_visible_sheet_with_known_columns_is_read() -> None:
    book = workbook(
        [["How to use this file"], ["Fill in the sheet Template."]],
        [["sku"], ["hidden"]],
        [["TemplateType=fptcustom", "Version=1"], ["Seller SKU"], ["item_sku"], ["S-1"]],
        names=["Instructions", "Hidden", "Template"],
    )
    book["Hidden"].sheet_state = "hidden"

    found = read(saved(book))

    assert list(found.products) == ["S-1"]
    assert (found.facts.sheet, found.profile) == ("Template", "amazon")
    assert any("has 2 sheets; 'Template' was read" in told for told in found.facts.remarks())


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<c><v>1E+3</v></c>", "1000"),
        ("<c><v>1e300</v></c>", "1" + "0" * 300),
        ("<c><v>nan</v></c>", "nan"),
        ('<c t="b"><v>1</v></c>', "TRUE"),
        ('<c t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c t="str"><f>A1</f><v>from a formula</v></c>', "from a formula"),
        ('<c t="s"><v>0</v></c>', "rich text"),
        ('<c t="s"><v>99</v></c>', None),
        ('<c t="s"><v>-1</v></c>', None),
        (f'<c t="s"><v>{"9" * 5_000}</v></c>', None),
        ('<c t="inlineStr"><is><t>a_x0041_b</t></is></c>', "aAb"),
        ('<c s="99"><v>5</v></c>', "5"),
        ("<c/>", None),
    ],
)
def test_cells_of_every_kind_are_texts(cell: str, text: str | None) -> None:
    strings = "<sst><si><r><t>rich</t></r><r><t> text</t></r><rPh><t>no</t></rPh></si></sst>"
    row = f"<row>{text_cell('A2', 'S-1')}{cell}</row>"
    found = read(sheet_of(HEADER + row, sharedStrings=strings))
    assert found.products["S-1"]["fields"].get("name") == text


def test_numbers_of_rows_are_those_of_the_sheet_and_never_repeat() -> None:
    rows = "".join(
        f'<row r="{number}">{text_cell(f"A{number}", sku)}</row>'
        for number, sku in (
            ("9", "S-1"),
            ("9", "S-2"),
            ("2", "S-3"),
            ("99999999", "S-4"),
            ("x", "S-5"),
        )
    )
    assert [row.line for row in read(sheet_of(HEADER + rows)).rows] == [9, 10, 11, 12, 13]


def test_a_cell_at_the_end_of_the_world_costs_no_memory() -> None:
    far = f'<row r="1048576">{text_cell("A1048576", "S-1")}{text_cell("XFD1048576", "far")}</row>'
    body = sheet_of(HEADER + far)
    tracemalloc.start()
    try:
        assert list(read(body).products) == ["S-1"]
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_what_unpacks_to_too_much_is_refused_wherever_it_stands() -> None:
    limits = replace(LIMITS, imports=ImportSettings.model_validate({"max_unpacked_bytes": 100_000}))
    bomb = "<sst>" + "<si><t>x</t></si>" * 50_000 + "</sst>"
    for body in (sheet_of(HEADER, sharedStrings=bomb), sheet_of(HEADER + " " * 1_000_000)):
        assert len(body) < 20_000
        assert refusal(body, limits=limits).detail.startswith("The archive unpacks to more than")


def refusal(body: bytes, **more: Any) -> Rejected:
    with pytest.raises(Rejected) as refused:
        read(body, **more)
    assert (refused.value.status, refused.value.code) == (422, ErrorCode.BAD_FILE)
    return refused.value


def test_files_that_are_no_workbook_are_refused_with_what_to_do() -> None:
    whole = saved(workbook([["sku"], ["S-1"]]))
    for body, told in (
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, "old or protected Excel file"),
        (b"\x1f\x8b" + b"\x00" * 600, "gzip"),
        (whole[: len(whole) // 2], "damaged or cut short"),
        (packed({"xl/workbook.bin": b"x"}), "no Excel workbook"),
        (packed({"xl/workbook.xml": "<workbook"}), "not well-formed"),
        (packed({"xl/workbook.xml": "<!DOCTYPE x><workbook/>"}), "DOCTYPE"),
        (packed({"xl/workbook.xml": "<w/>"}, zipfile.ZIP_BZIP2), "Deflate"),
        (packed({f"{'x' * 200}{n}": b"" for n in range(17_000)}), "too many files"),
    ):
        assert told in refusal(body).detail


def test_an_empty_workbook_lacks_its_header() -> None:
    for body in (saved(workbook([])), sheet_of(""), sheet_of("<row/>")):
        with pytest.raises(Rejected) as refused:
            read(body)
        assert refused.value.code == ErrorCode.BAD_HEADER
