"""Reads the records of a product feed in XML: the items of RSS 2.0, or the entries of Atom.

The elements are those of Google's product data specification, with or without their namespace. As
such files often have no line breaks, a record's number is that of its item, from 1.
"""

from collections.abc import Iterator
from typing import BinaryIO

from api.imports.columns import Columns, FileRules, unknown
from api.imports.formats.lines import MAX_RECORD_CHARACTERS
from api.imports.formats.xml_events import events, local, refused
from api.imports.profiles import GOOGLE
from api.imports.record import FileFacts, Record, unreadable
from infra.contract.errors import ErrorCode
from tasks.imports.row import BadRow, RowProblem

_ITEMS = frozenset({"item", "entry"})
_NO_ITEMS = "The XML has no <item> or <entry>: it is no product feed in RSS or Atom."

Texts = list[tuple[str, str]]


def feed_records(file: BinaryIO, rules: FileRules, facts: FileFacts) -> Iterator[Record | BadRow]:
    """Yield each record; raise `Rejected` (422) when the file is of no use."""
    columns = facts.columns = Columns(rules, tuple(GOOGLE.signs[0]))
    number = 0
    for number, texts in enumerate(events(file, _Items(), "The feed"), 1):
        if texts is None:
            told = f"Item {number} has more than {MAX_RECORD_CHARACTERS} characters."
            yield unreadable(number, told)
        else:
            yield _record(number, texts, columns)
    if not number:
        raise refused(_NO_ITEMS)


def _record(number: int, texts: Texts, columns: Columns) -> Record | BadRow:
    values: dict[str, str] = {}
    names: dict[str, str] = {}
    strange = [name for name, _ in texts if columns.is_strange(name)]
    if strange:
        told = f"The element {unknown(strange[0])}"
        problem = RowProblem(number, strange[0], ErrorCode.INVALID_REQUEST, told)
        return BadRow(number, None, (problem,))
    for name, text in texts:
        field = columns.field_of(name)
        if field is None:
            continue
        value = text.strip() if field == "description" else " ".join(text.split())
        if not value:
            continue
        if field not in values:
            values[field], names[field] = value, name
        elif field == "image_urls":
            values[field] = f"{values[field]}\n{value}"
    return Record(number, values, names)


class _Items:
    """Collects the texts of the elements directly within an item; None for one that is too long."""

    def __init__(self) -> None:
        self._finished: list[Texts | None] = []
        self._texts: Texts = []
        self._name: str | None = None
        self._pieces: list[str] = []
        self._depth = self._characters = 0  # both within the item

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - of all handlers
        """Begin an item or an element."""
        if self._depth:
            self._depth += 1
            if self._depth == 2:
                self._name, self._pieces = local(name), []
                self._characters += len(name)
        elif local(name) in _ITEMS:
            self._depth, self._characters, self._texts = 1, 0, []

    def end(self, name: str) -> None:  # noqa: ARG002 - of all handlers
        """End an element or the item."""
        if not self._depth:
            return
        self._depth -= 1
        if self._depth == 1 and self._name is not None:
            if self._characters <= MAX_RECORD_CHARACTERS:
                self._texts.append((self._name, "".join(self._pieces)))
            self._name = None
        elif not self._depth:
            is_whole = self._characters <= MAX_RECORD_CHARACTERS
            self._finished.append(self._texts if is_whole else None)
            self._texts = []

    def text(self, text: str) -> None:
        """Take a piece of the text of an element; what is nested deeper is another matter."""
        if self._depth == 2:
            self._characters += len(text)
            if self._characters <= MAX_RECORD_CHARACTERS:
                self._pieces.append(text)

    def taken(self) -> list[Texts | None]:
        """Return the items that are finished."""
        finished, self._finished = self._finished, []
        return finished
