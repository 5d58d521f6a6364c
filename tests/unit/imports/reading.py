"""Imported files in a line or two, and what is read in them."""

import json
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from api.imports.columns import FileRules
from api.imports.profiles import ProfileName
from api.imports.read import Limits, open_reader
from api.imports.record import FileFacts, FileKind
from api.schemas.submissions import UrlRules
from infra.db.ids import new_id
from infra.settings.sections import ApiSettings, FetchSettings, ImportSettings
from tasks.imports.row import GoodRow, Row
from tasks.imports.spool import Spool, Tally

API = ApiSettings.load(env_file=None)
RULES = UrlRules.of(API, FetchSettings())
LIMITS = Limits(API, ImportSettings.load(env_file=None), RULES)


@dataclass(frozen=True)
class Read:
    """What a file holds: its rows as they are read, and what they become together."""

    rows: list[Row]
    facts: FileFacts
    tally: Tally
    lines: list[list[str]]

    @property
    def profile(self) -> str | None:
        """The name of the profile that was recognised."""
        known = self.facts.columns.profile
        return None if known is None else known.name

    @property
    def products(self) -> dict[str, Any]:
        """The content of each product by its sku."""
        return {line[2]: json.loads(line[3]) for line in self.lines if line[3] != "\\N"}

    @property
    def images(self) -> dict[str, list[str]]:
        """The addresses of the images of each product by its sku."""
        return {
            sku: [image["url"] for image in content["images"]]
            for sku, content in self.products.items()
        }


def read(
    text: str | bytes,
    kind: FileKind | None = None,
    limits: Limits = LIMITS,
    **rules: Any,
) -> Read:
    """Read a file and merge its rows."""
    body = text.encode() if isinstance(text, str) else text
    with (
        Spool(new_id(), images=limits.api.max_urls) as spool,
        open_reader(BytesIO(body), kind, _rules(rules), limits=limits) as reader,
    ):
        rows = list(reader.rows())
        for row in rows:
            spool.add(row)
        tally = spool.merge()
        written = [line.decode().rstrip("\n") for line in spool.lines()]
        lines = [[_unescaped(cell) for cell in line.split("\t")] for line in written]
        return Read(rows, reader.facts, tally, lines)


def _rules(rules: dict[str, Any]) -> FileRules:
    if "profile" in rules:
        rules = {**rules, "profile": ProfileName(rules["profile"])}
    return FileRules(**rules)


def _unescaped(cell: str) -> str:
    """Return a value as PostgreSQL reads it from a line of COPY."""
    meanings = {"n": "\n", "t": "\t", "r": "\r", "N": "\\N"}
    return re.sub(r"\\(.)", lambda found: meanings.get(found[1], found[1]), cell)


def rows_of(
    text: str | bytes, kind: FileKind | None = FileKind.CSV, limits: Limits = LIMITS, **rules: Any
) -> list[Row]:
    """Read a file."""
    return read(text, kind, limits, **rules).rows


def good(text: str | bytes, kind: FileKind | None = FileKind.CSV, **rules: Any) -> GoodRow:
    """Return the only row of a file, which is good."""
    (row,) = rows_of(text, kind, **rules)
    assert isinstance(row, GoodRow), row
    return row


def problems(text: str | bytes, kind: FileKind = FileKind.CSV) -> list[tuple[int, str | None, str]]:
    """Return line, column and code of all that is wrong."""
    return [(p.line, p.column, p.code) for p in read(text, kind).tally.problems]


def sources(row: Row) -> list[str]:
    """Return the URLs of a good row."""
    assert isinstance(row, GoodRow), row
    return [image.url for image in row.images]
