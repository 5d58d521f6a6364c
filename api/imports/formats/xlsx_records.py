"""Reads the records of an Excel workbook (XLSX): those of its first sheet with known columns.

Rows are read one by one as the sheet is unpacked. The workbook's texts, which stand in a file of
their own, wait in a temporary file, so that memory stays flat. Of formulas the stored results
count. A number is written as people see it as far as that matters to us: without an exponent, and
with the leading zeros of a format such as `00000`. Nothing else in a workbook is looked at.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from posixpath import join, normpath
from tempfile import TemporaryFile
from typing import BinaryIO

from api.imports.columns import Columns, FileRules, values_of, without_trailing_blanks
from api.imports.formats.archive import Archive, open_archive
from api.imports.formats.csv_records import MAX_LINES_BEFORE_HEADER, header_is_below
from api.imports.formats.lines import MAX_RECORD_CHARACTERS
from api.imports.formats.xml_events import events, local, refused
from api.imports.record import FileFacts, Record, unreadable
from infra.contract.errors import ErrorCode, Rejected
from tasks.imports.row import BadRow

_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
_STRINGS = "xl/sharedStrings.xml"
_STYLES = "xl/styles.xml"
_MAX_COLUMNS, _MAX_ROWS = 16_384, 1_048_576  # Excel's own
_MAX_STRINGS = 8_000_000  # eight bytes of memory each
_MAX_SHEETS = 1_000
_MAX_STYLES = 65_536
_REFERENCE = re.compile(r"([A-Z]{1,3})\d{1,7}")
_ZEROS = re.compile("0{2,40}")
_DIGITS = 15  # that Excel keeps of a number
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_EMPTY = "The workbook is empty; the first line of its first sheet must name the columns."

SheetRow = tuple[int, list[str] | None]
"""The number of a row from 1, and its cells; None when they have too many characters."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    path: str


def xlsx_records(
    file: BinaryIO, rules: FileRules, facts: FileFacts, *, max_unpacked_bytes: int
) -> Iterator[Record | BadRow]:
    """Yield each record behind the header; raise `Rejected` (422) when the file is of no use."""
    with open_archive(file, max_unpacked_bytes) as archive:
        sheets = _sheets(archive)
        widths = _zero_widths(archive)
        with _strings(archive) as strings:
            refusal: Rejected | None = None
            for sheet in sheets:
                with archive.open(sheet.path) as opened:
                    rows = events(opened, _Rows(strings, widths), "The sheet")
                    try:
                        header, others = _header(rows, rules, facts)
                    except Rejected as exc:
                        refusal = refusal or exc
                        continue
                    facts.sheet = sheet.name[:100]
                    if len(sheets) > 1:
                        facts.warnings.append(
                            f"The workbook has {len(sheets)} sheets; {facts.sheet!r} was read."
                        )
                    yield from _records(header, others, facts)
                    return
            raise refusal or Rejected(422, ErrorCode.BAD_HEADER, _EMPTY)


def _header(
    rows: Iterator[SheetRow], rules: FileRules, facts: FileFacts
) -> tuple[Sequence[str], Iterator[SheetRow]]:
    """Return the names of the columns, and the rows behind them; raise `Rejected` (422)."""
    refusal = Rejected(422, ErrorCode.BAD_HEADER, _EMPTY)
    for place, (number, cells) in enumerate(islice(rows, MAX_LINES_BEFORE_HEADER)):
        header = without_trailing_blanks(cells or [])
        columns = Columns(rules, header)
        try:
            columns.layout_of(header)
        except Rejected as exc:
            refusal = exc if not place else refusal
            continue
        facts.columns = columns
        if place:
            facts.warnings.append(header_is_below(number))
        return header, rows
    raise refusal


def _records(
    header: Sequence[str], rows: Iterator[SheetRow], facts: FileFacts
) -> Iterator[Record | BadRow]:
    """Yield a record for each row that says something; cells right of the header are notes."""
    layout = facts.columns.layout_of(header)
    for number, cells in rows:
        if cells is None:
            told = f"Row {number} has more than {MAX_RECORD_CHARACTERS} characters."
            yield unreadable(number, told)
        elif any(cell.strip() for cell in cells[: len(header)]):
            yield Record(number, *values_of(layout, cells))


def _sheets(archive: Archive) -> list[_Sheet]:
    """Return the sheets that are not hidden, in their order."""
    if not archive.has(_WORKBOOK):
        raise refused("The archive is no Excel workbook (.xlsx). Save it as .xlsx or as CSV.")
    paths = {
        tag.get("Id", ""): tag.get("Target", "")
        for _, tag in islice(_tags(archive, _RELATIONS, "Relationship"), 4 * _MAX_SHEETS)
    }
    sheets = []
    for _, tag in islice(_tags(archive, _WORKBOOK, "sheet"), _MAX_SHEETS):
        number = next((value for name, value in tag.items() if local(name) == "id"), "")
        path = normpath(join("/xl", paths.get(number, ""))).lstrip("/")
        if tag.get("state", "visible") == "visible" and archive.has(path):
            sheets.append(_Sheet(tag.get("name", ""), path))
    return sheets


def _zero_widths(archive: Archive) -> Sequence[int]:
    """Return for each style of cells how many digits it shows at least, 0 for most."""
    formats: dict[str, int] = {}
    widths: list[int] = []
    of_cells = False
    names = ("numFmt", "cellStyleXfs", "cellXfs", "xf", "cellStyles")
    for name, tag in islice(_tags(archive, _STYLES, *names), _MAX_STYLES):
        number = tag.get("numFmtId", "")
        if name == "numFmt":
            formats[number] = (
                len(code) if _ZEROS.fullmatch(code := tag.get("formatCode", "")) else 0
            )
        elif name == "xf" and of_cells:
            widths.append(formats.get(number, 0))
        elif name != "xf":
            of_cells = name == "cellXfs"
    return widths


def _tags(archive: Archive, path: str, *names: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name and attributes of each element with one of the names."""
    if archive.has(path):
        with archive.open(path) as file:
            yield from events(file, _Tags(names), "The workbook")


class _Tags:
    """Collects elements by their names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._found: list[tuple[str, dict[str, str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Keep an element with one of the names."""
        name = local(name)
        if name in self._names:
            self._found.append((name, attributes))

    def end(self, name: str) -> None:
        """End an element: nothing is to be done."""

    def text(self, text: str) -> None:
        """Take a text: nothing is to be done."""

    def taken(self) -> list[tuple[str, dict[str, str]]]:
        """Return what was found since."""
        found, self._found = self._found, []
        return found


class _Strings:
    """The texts of a workbook in a temporary file, by their number."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._places = array("Q", [0])

    def add(self, text: str | None) -> None:
        """Keep one; None is one that is too long."""
        if len(self._places) > _MAX_STRINGS:
            raise refused(f"The workbook has more than {_MAX_STRINGS} texts.")
        data = b"\xff" if text is None else text.encode(errors="replace")
        self._file.write(data)
        self._places.append(self._places[-1] + len(data))

    def __getitem__(self, number: int) -> str | None:
        start, end = self._places[number], self._places[number + 1]
        self._file.seek(start)
        data = self._file.read(end - start)
        return None if data == b"\xff" else data.decode()

    def __len__(self) -> int:
        return len(self._places) - 1


@contextmanager
def _strings(archive: Archive) -> Iterator[_Strings]:
    with TemporaryFile(prefix="product-images-import-") as kept:
        strings = _Strings(kept)
        if archive.has(_STRINGS):
            with archive.open(_STRINGS) as file:
                for text in events(file, _Texts(), "The workbook"):
                    strings.add(text)
        yield strings


class _Text:
    """One text, which may come in pieces; None when it is too long."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._characters = 0
        self._takes = self._aloud = False

    def begin(self) -> None:
        """Begin a text."""
        self._pieces, self._characters, self._takes, self._aloud = [], 0, False, False

    def start(self, name: str) -> None:
        """Begin an element within the text: a part of it, or how a part is pronounced."""
        self._aloud = self._aloud or name == "rPh"
        self._takes = name in ("t", "v") and not self._aloud

    def end(self, name: str) -> None:
        """End such an element."""
        self._takes = False
        if name == "rPh":
            self._aloud = False

    def take(self, text: str) -> None:
        """Take a piece."""
        if self._takes:
            self._characters += len(text)
            if self._characters <= MAX_RECORD_CHARACTERS:
                self._pieces.append(text)

    def whole(self) -> str | None:
        """Return the text."""
        return "".join(self._pieces) if self._characters <= MAX_RECORD_CHARACTERS else None


class _Texts:
    """Collects the texts that a workbook's cells share."""

    def __init__(self) -> None:
        self._text = _Text()
        self._finished: list[str | None] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - of all handlers
        """Begin a text or a part of it."""
        name = local(name)
        if name == "si":
            self._text.begin()
        else:
            self._text.start(name)

    def end(self, name: str) -> None:
        """End a text or a part of it."""
        name = local(name)
        if name == "si":
            self._finished.append(self._text.whole())
        else:
            self._text.end(name)

    def text(self, text: str) -> None:
        """Take a piece of text."""
        self._text.take(text)

    def taken(self) -> list[str | None]:
        """Return the texts that are finished."""
        finished, self._finished = self._finished, []
        return finished


class _Rows:
    """Collects the rows of a sheet."""

    def __init__(self, strings: _Strings, widths: Sequence[int]) -> None:
        self._strings, self._widths = strings, widths
        self._text = _Text()
        self._finished: list[SheetRow] = []
        self._number = self._characters = self._column = 0
        self._cells: list[str] = []
        self._cell: dict[str, str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin a row, a cell or a part of it."""
        name = local(name)
        if name == "row":
            told = attributes.get("r", "")
            number = int(told) if _is_index(told, _MAX_ROWS + 1) else 0
            self._number = number if number > self._number else self._number + 1
            self._cells, self._characters, self._column = [], 0, 0
        elif name == "c":
            self._cell = attributes
            self._text.begin()
        elif self._cell is not None:
            self._text.start(name)

    def end(self, name: str) -> None:
        """End a row, a cell or a part of it."""
        name = local(name)
        if name == "row":
            is_whole = self._characters <= MAX_RECORD_CHARACTERS
            self._finished.append((self._number, self._cells if is_whole else None))
        elif name == "c" and self._cell is not None:
            self._place(self._cell)
            self._cell = None
        elif self._cell is not None:
            self._text.end(name)

    def text(self, text: str) -> None:
        """Take a piece of a cell's text."""
        if self._cell is not None:
            self._text.take(text)

    def taken(self) -> list[SheetRow]:
        """Return the rows that are finished."""
        finished, self._finished = self._finished, []
        return finished

    def _place(self, cell: dict[str, str]) -> None:
        column = _column(cell.get("r", "")) or self._column + 1
        self._column = min(column, _MAX_COLUMNS)
        value = self._value(cell)
        self._characters += MAX_RECORD_CHARACTERS + 1 if value is None else len(value)
        if value and self._characters <= MAX_RECORD_CHARACTERS:
            self._cells += [""] * (self._column - len(self._cells))
            self._cells[self._column - 1] = value

    def _value(self, cell: dict[str, str]) -> str | None:
        text = self._text.whole()
        kind = cell.get("t", "n")
        if not text:
            return text
        if kind == "s":
            is_known = _is_index(text, len(self._strings))
            return _unescaped(self._strings[int(text)]) if is_known else ""
        if kind == "n":
            style = cell.get("s", "")
            has_style = _is_index(style, len(self._widths))
            return _number(text, self._widths[int(style)] if has_style else 0)
        if kind == "b":
            return "TRUE" if text.strip() == "1" else "FALSE"
        return _unescaped(text)


def _is_index(text: str, count: int) -> bool:
    """Whether a text is one of the numbers below `count`."""
    return len(text) < 10 and text.isascii() and text.isdigit() and int(text) < count


def _column(reference: str) -> int:
    """Return the number of a column from 1 of a reference such as `AB12`; 0 for none."""
    found = _REFERENCE.fullmatch(reference)
    number = 0
    for letter in found[1] if found else "":
        number = number * 26 + ord(letter) - 64
    return number


def _number(text: str, width: int) -> str:
    """Write a number without an exponent, and with leading zeros up to a width."""
    try:
        value = Decimal(f"{float(text):.{_DIGITS}g}")
    except ValueError:
        return text
    if not value.is_finite():
        return text
    plain = f"{value:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain.zfill(width)


def _unescaped(text: str | None) -> str | None:
    """Return a text with the characters that XML cannot hold: `_x000D_` is a line break."""
    if text is None or "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
