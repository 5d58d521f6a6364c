"""Read the facts of an XMP packet that say whose image it is, and how it came to be.

The packet is XML from strangers: a document type, and with it every entity, is refused, and so is
a packet that is too long. Nothing is fetched.
"""

import re
from xml.parsers import expat

_MAX_BYTES = 256 * 1024
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_CREATOR, _RIGHTS = f"{_DUBLIN_CORE} creator", f"{_DUBLIN_CORE} rights"
_SOURCE_TYPE = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ DigitalSourceType"
_RESOURCE = "http://www.w3.org/1999/02/22-rdf-syntax-ns# resource"
# IPTC's list of them: https://cv.iptc.org/newscodes/digitalsourcetype/
_OF_IPTC = re.compile(r"https?://cv\.iptc\.org/newscodes/digitalsourcetype/([A-Za-z]{1,60})")
_ITEM = "http://www.w3.org/1999/02/22-rdf-syntax-ns# li"


class XmpRefused(Exception):
    """The packet is no XML that this reads."""


def creators_and_rights(packet: bytes) -> tuple[list[str], str]:
    """Return the makers' names and the first statement of rights; empty where there is none.

    Raises `XmpRefused`.
    """
    texts = _read(packet)
    rights = texts[_RIGHTS]
    return texts[_CREATOR], rights[0] if rights else ""


def digital_source_type(packet: bytes) -> str:
    """Return the word of IPTC's list for how the image came to be, like `trainedAlgorithmicMedia`.

    Empty where the packet names none, or another list's. Raises `XmpRefused`.
    """
    found = (_OF_IPTC.fullmatch(text) for text in _read(packet)[_SOURCE_TYPE])
    return next((match[1] for match in found if match), "")


def packet_of_source_type(word: str) -> bytes:
    """Return an XMP packet that says this and nothing else; empty without a word."""
    if not word:
        return b""
    namespace, name = _SOURCE_TYPE.split(" ")
    syntax, _ = _ITEM.split(" ")
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{syntax}"><rdf:Description rdf:about="" xmlns:e="{namespace}"'
        f' e:{name}="http://cv.iptc.org/newscodes/digitalsourcetype/{word}"/></rdf:RDF>'
        "</x:xmpmeta>"
    ).encode()


def _read(packet: bytes) -> dict[str, list[str]]:
    if len(packet) > _MAX_BYTES:
        raise XmpRefused("the packet is too long")
    reader = _Reader()
    try:
        reader.parser.Parse(packet.rstrip(b"\0 \n"), True)  # noqa: FBT003 - expat takes no keyword
    except expat.ExpatError as exc:
        raise XmpRefused("the packet is no XML") from exc
    return reader.texts


class _Reader:
    """Collects the items of both lists, or what stands there without being a list."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {_CREATOR: [], _RIGHTS: [], _SOURCE_TYPE: []}
        self._inside: str | None = None
        self._pieces: list[str] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = _refuse_document_type
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._pieces.append

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name in self.texts:
            self._inside = name
        # Short forms of one value: on the description, or as an address.
        short = attributes.get(_RESOURCE) if name == _SOURCE_TYPE else attributes.get(_SOURCE_TYPE)
        if short:
            self.texts[_SOURCE_TYPE].append(short.strip())
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
