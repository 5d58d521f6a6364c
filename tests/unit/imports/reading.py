"""Imported files in a line or two, and what is read in them."""

from io import BytesIO

from api.imports.read import FileKind, Limits, read_rows
from api.schemas.submissions import UrlRules
from infra.settings.sections import ApiSettings, FetchSettings, ImportSettings
from tasks.imports.row import BadRow, GoodRow, Row

API = ApiSettings.load(env_file=None)
RULES = UrlRules.of(API, FetchSettings())
LIMITS = Limits(API, ImportSettings.load(env_file=None), RULES)


def rows_of(text: str | bytes, kind: FileKind = FileKind.CSV, limits: Limits = LIMITS) -> list[Row]:
    """Read a file."""
    body = text.encode() if isinstance(text, str) else text
    return list(read_rows(BytesIO(body), kind, limits))


def good(text: str | bytes, kind: FileKind = FileKind.CSV) -> GoodRow:
    """Return the only row of a file, which is good."""
    (row,) = rows_of(text, kind)
    assert isinstance(row, GoodRow), row
    return row


def problems(text: str | bytes, kind: FileKind = FileKind.CSV) -> list[tuple[int, str | None, str]]:
    """Return line, column and code of all that is wrong."""
    bad = [row for row in rows_of(text, kind) if isinstance(row, BadRow)]
    return [(p.line, p.column, p.code) for row in bad for p in row.problems]


def sources(row: Row) -> list[str]:
    """Return the URLs of a good row."""
    assert isinstance(row, GoodRow), row
    return [image.url for image in row.images]
