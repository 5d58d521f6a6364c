"""Read the two facts of an XMP packet that say whose image it is.

The packet is XML from strangers: a document type, and with it every entity, is refused, and so is
a packet that is too long. Nothing is fetched.
"""

from xml.parsers import expat

_MAX_BYTES = 256 * 1024
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_CREATOR, _RIGHTS = f"{_DUBLIN_CORE} creator", f"{_DUBLIN_CORE} rights"
_ITEM = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"


class XmpRefused(Exception):
    """The packet is no XML that this reads."""


def creators_and_rights(packet: bytes) -> tuple[list[str], str]:
    """Return the makers' names and the first statement of rights; empty where there is none.

    Raises `XmpRefused`.
    """
    if len(packet) > _MAX_BYTES:
        raise XmpRefused("the packet is too long")
    reader = _Reader()
    try:
        reader.parser.Parse(packet.rstrip(b"\0 \n"), True)  # noqa: FBT003 - expat takes no keyword
    except expat.ExpatError as exc:
        raise XmpRefused("the packet is no XML") from exc
    rights = reader.texts[_RIGHTS]
    return reader.texts[_CREATOR], rights[0] if rights else ""


class _Reader:
    """Collects the items of both lists, or what stands there without being a list."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {_CREATOR: [], _RIGHTS: []}
        self._inside: str | None = None
        self._pieces: list[str] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = _refuse_document_type
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._pieces.append

    def _start(self, name: str, _: dict[str, str]) -> None:
        if name in self.texts:
            self._inside = name
        self._pieces.clear()

    def _end(self, name: str) -> None:
        text = "".join(self._pieces).strip()
        self._pieces.clear()
        if self._inside is not None and name in (self._inside, _ITEM) and text:
            self.texts[self._inside].append(text)
        if name == self._inside:
            self._inside = None


def _refuse_document_type(*_: object) -> None:
    raise XmpRefused("the packet declares a document type")
