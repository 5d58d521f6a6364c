"""Reads XML as a stream of events, without anything that makes XML dangerous.

A document type is refused, and with it every entity but the five of XML itself. What is held in
memory is bounded: one piece of the file, and a tag of at most `_MAX_TAG_BYTES`.
"""

from collections.abc import Iterator
from typing import BinaryIO, NoReturn, Protocol, TypeVar
from xml.parsers import expat

from infra.contract.errors import ErrorCode, Rejected

SEPARATOR = " "
"""Between the namespace of an element and its local name."""

_PIECE_BYTES = 1 << 16
_MAX_TAG_BYTES = 1 << 20
_MAX_DEPTH = 64

T = TypeVar("T")


class Handler(Protocol[T]):
    """Takes the events of a file, and gives what became of them."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin an element; a namespace stands before its name."""

    def end(self, name: str) -> None:
        """End an element."""

    def text(self, text: str) -> None:
        """Take a piece of the text of an element."""

    def taken(self) -> list[T]:
        """Return what is finished since the last call."""


def events(file: BinaryIO, handler: Handler[T], what: str) -> Iterator[T]:
    """Yield what the handler makes of a file; `what` names it in refusals.

    Raises `Rejected` (422) when it is no XML, or XML that is not read here.
    """
    stream = _Stream(handler, what)
    while piece := file.read(_PIECE_BYTES):
        stream.feed(piece, is_last=False)
        yield from handler.taken()
    stream.feed(b"", is_last=True)
    yield from handler.taken()


def local(name: str) -> str:
    """Return the name of an element without its namespace."""
    return name.rpartition(SEPARATOR)[2]


class _Stream:
    """A parser with the bounds of this module."""

    def __init__(self, handler: Handler[T], what: str) -> None:
        self._what = what
        self._depth = self._silent_bytes = 0
        self._start, self._end, self._text = handler.start, handler.end, handler.text
        self._parser = expat.ParserCreate(namespace_separator=SEPARATOR)
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._finish
        self._parser.CharacterDataHandler = self._take
        self._parser.StartDoctypeDeclHandler = self._refuse_type
        self._parser.EntityDeclHandler = self._refuse_type

    def feed(self, piece: bytes, *, is_last: bool) -> None:
        """Parse a piece."""
        self._silent_bytes += len(piece)
        try:
            self._parser.Parse(piece, is_last)
        except (expat.ExpatError, ValueError, LookupError) as exc:
            line = self._parser.CurrentLineNumber
            raise refused(f"{self._what} is not well-formed XML in line {line}.") from exc
        if self._silent_bytes > _MAX_TAG_BYTES:
            raise refused(f"{self._what} has a tag or comment of more than {_MAX_TAG_BYTES} bytes.")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._silent_bytes = 0
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise refused(f"{self._what} has elements nested deeper than {_MAX_DEPTH} levels.")
        self._start(name, attributes)

    def _finish(self, name: str) -> None:
        self._silent_bytes = 0
        self._depth -= 1
        self._end(name)

    def _take(self, text: str) -> None:
        self._silent_bytes = 0
        self._text(text)

    def _refuse_type(self, *_: object) -> NoReturn:
        raise refused(f"{self._what} has a document type (DOCTYPE), which is not read. Remove it.")


def refused(detail: str) -> Rejected:
    """Return the refusal of a file that cannot be read."""
    return Rejected(422, ErrorCode.BAD_FILE, detail)
