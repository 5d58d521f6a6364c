"""Excel workbooks, made by a library or byte by byte."""

import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from openpyxl import Workbook

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(*sheets: Sequence[Sequence[Any]], names: Sequence[str] = ()) -> Workbook:
    """Return a workbook with these rows in its sheets."""
    book = Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(names[number] if names else f"Sheet{number + 1}")
        for row in rows:
            sheet.append(row)
    return book


def saved(book: Workbook) -> bytes:
    """Return a workbook as its file."""
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def packed(files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP archive with these files."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def sheet_of(rows: str, **others: str) -> bytes:
    """Return a workbook whose only sheet has this content, besides other files."""
    return packed(
        {
            "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": "<Relationships>"
            '<Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}'
            "</sheetData></worksheet>",
            **{f"xl/{name}.xml": content for name, content in others.items()},
        }
    )


def text_cell(reference: str, text: str) -> str:
    """Return a cell with its text in it."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'
