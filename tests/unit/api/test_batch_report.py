"""What a supplier writes must not become a formula in the spreadsheet of who opens the report."""

import csv
from io import StringIO
from uuid import UUID

import pytest

from api.schemas.batch_report import csv_report
from tasks.batches.report import FORMATS, ReportLine

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell_of(sku: str) -> str:
    line = ReportLine(
        place=1,
        sku=sku,
        product_id=None,
        job_id=UUID(int=0),
        position=0,
        source_url="http://a.example/a.jpg",
        state="ready",
        outcome=None,
        error_code=None,
        error_detail=None,
        object_keys=tuple(None for _ in FORMATS),
    )
    written = b"".join(csv_report(iter([[line]]), "https://assets.example")).decode()
    rows = list(csv.DictReader(StringIO(written, newline="")))
    return rows[0]["sku"]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", ["", " ", "\t", "\r", "\n", "\u3000", "\u00a0 "])
def test_a_cell_that_begins_like_a_formula_is_written_as_text(before: str, sign: str) -> None:
    assert cell_of(f"{before}{sign}1+1") == f"'{before}{sign}1+1"


@pytest.mark.parametrize("cell", ["\tA", "\rA", "\nA"])
def test_a_cell_that_begins_with_a_break_is_written_as_text(cell: str) -> None:
    assert cell_of(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["A-1", " A", "1=1", "\u00c4@"])
def test_other_cells_are_written_as_they_are(cell: str) -> None:
    assert cell_of(cell) == cell
