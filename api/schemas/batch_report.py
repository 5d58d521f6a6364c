"""Writes the report of a batch as CSV that is safe to open in a spreadsheet."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

from infra.contract.object_keys import asset_url
from infra.contract.source_refs import without_query
from tasks.batches.report import FORMATS, ReportLine

_COLUMNS = (
    *("line", "sku", "product_id", "job_id", "position", "source_url"),
    *("state", "outcome", "error_code", "error_detail"),
    *(f"{name}_url" for name in FORMATS),
    "file",
)
# What a spreadsheet would calculate; it skips blanks, and takes full-width signs for the others.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BREAKS = ("\t", "\r", "\n")  # a spreadsheet may begin a cell behind it


def csv_report(
    slices: Iterator[Sequence[ReportLine]], assets: str, *, has_queries: bool = True
) -> Iterator[bytes]:
    """Yield the header, then the lines slice by slice; URLs are under the base `assets`.

    Without queries, source URLs show only that they have one. A cell that a spreadsheet would take
    for a formula begins with an apostrophe.
    """
    yield _written([_COLUMNS])
    for lines in slices:
        rows = []
        for line in lines:
            source = line.source_url
            if source is not None and not has_queries:
                source = without_query(source)
            values = (
                *(line.place, line.sku, line.product_id, line.job_id, line.position, source),
                *(line.state, line.outcome, line.error_code, line.error_detail),
                *(None if key is None else asset_url(assets, key) for key in line.object_keys),
                line.file,
            )
            rows.append([_safe("" if value is None else str(value)) for value in values])
        yield _written(rows)


def _safe(cell: str) -> str:
    is_formula = cell.startswith(_BREAKS) or cell.lstrip().startswith(_FORMULA)
    return f"'{cell}" if is_formula else cell


def _written(rows: Sequence[Sequence[str]]) -> bytes:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
