"""What a record of an imported file becomes: a row to work on, or problems to tell about."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ImportPolicy(StrEnum):
    """What a file with bad rows is worth.

    `ignore_failed` is `reject_rows`, and also calls a batch ready when any job was of use.
    """

    REJECT_ALL = "reject_all"
    REJECT_ROWS = "reject_rows"
    IGNORE_FAILED = "ignore_failed"


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with the record that begins in a line; lines count from 1.

    `column` is named as the file names it; None when the record as a whole is wrong.
    """

    line: int
    column: str | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class RowImage:
    """An image of a row: a normalised URL, or a reference to an uploaded file and its name.

    Without `alt` a known image keeps its own.
    """

    url: str
    alt: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class GoodRow:
    """A product, or a part of one, as a record describes it; what `fields` lacks stays as it is.

    Rows of one `group`, or without groups of one `sku`, are one product. A row without sku has a
    group.
    """

    line: int
    sku: str | None
    fields: Mapping[str, Any]
    images: tuple[RowImage, ...] = ()
    metadata: Mapping[str, Any] | None = None
    group: str | None = None

    @property
    def content(self) -> dict[str, Any]:
        """The row as JSON; decimals as text, so that no digit is lost."""
        images = [
            {"url": i.url}
            | ({} if i.alt is None else {"alt": i.alt})
            | ({} if i.file is None else {"file": i.file})
            for i in self.images
        ]
        content: dict[str, Any] = {"fields": dict(self.fields), "images": images}
        return content if self.metadata is None else {**content, "metadata": dict(self.metadata)}


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that cannot be accepted; `problems` is never empty."""

    line: int
    sku: str | None
    problems: tuple[RowProblem, ...]
    group: str | None = None


Row = GoodRow | BadRow
