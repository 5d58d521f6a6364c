"""What a variant may say besides its pixels: whose image it is, and whether a machine made it.

Only two EXIF entries are ever written, Artist and Copyright, and only when a preset asks for
them. Places, cameras, dates and comments never pass. Agencies write names into IPTC or XMP data
instead: those are read where EXIF has none. Of XMP one property is written, always: the digital
source type of IPTC, which marks generated images and which shops' channels demand.
"""

from dataclasses import dataclass

from PIL import ExifTags, Image

from tasks.imaging.decode.source import Original
from tasks.imaging.formats import png
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.metadata.iptc import by_lines_and_notice
from tasks.imaging.metadata.xmp import (
    creators_and_rights,
    digital_source_type,
    packet_of_source_type,
)
from tasks.imaging.models import Notice

_MAX_BYTES = 500  # of each: a name and a year, not a licence text
_FIRST_PRINTABLE = 32
_BETWEEN_NAMES = "; "  # as the EXIF standard says
_IPTC_OF_PHOTOSHOP, _IPTC_OF_TIFF = 0x0404, 33723


@dataclass(frozen=True, slots=True)
class _Names:
    """Whose image it is, in bytes as they are written; often UTF-8, EXIF knows ASCII alone."""

    artist: bytes = b""
    rights: bytes = b""


def read_notice(image: Image.Image, original: Original, *, names: bool) -> Notice:
    """Return what a source's variants say; `names` asks for artist and copyright.

    Call it on the opened file: later steps lose what some formats say.
    """
    return Notice(
        exif=_read_names(image, original) if names else b"",
        xmp=_read_source_type(image, original),
    )


def _read_source_type(image: Image.Image, original: Original) -> bytes:
    """Return an XMP packet with the digital source type alone; empty when none is named."""
    try:
        packet = _packet(image, original)
        return b"" if packet is None else packet_of_source_type(digital_source_type(packet))
    except Exception:  # noqa: BLE001 - damaged or hostile data say nothing; the image matters more
        return b""


def _read_names(image: Image.Image, original: Original) -> bytes:
    """Return EXIF data with a source's artist and copyright; empty when it names neither."""
    names: list[_Names] = []
    for read in (_exif, _iptc, _xmp):
        try:
            names.append(read(image, original))
        except Exception:  # noqa: BLE001, S112 - damaged or hostile data say nothing; the image matters more
            continue
    artist = next((each.artist for each in names if each.artist), b"")
    rights = next((each.rights for each in names if each.rights), b"")
    exif = Image.Exif()
    for tag, text in ((ExifTags.Base.Artist, artist), (ExifTags.Base.Copyright, rights)):
        if text:
            exif[tag] = text
    return exif.tobytes() if artist or rights else b""


def _exif(image: Image.Image, _: Original) -> _Names:
    stated = image.getexif()
    return _Names(
        _of_exif(stated.get(ExifTags.Base.Artist)), _of_exif(stated.get(ExifTags.Base.Copyright))
    )


def _of_exif(value: object) -> bytes:
    return _short(value.encode("latin-1", "ignore")) if isinstance(value, str) else b""


def _iptc(image: Image.Image, _: Original) -> _Names:
    resources = image.info.get("photoshop")
    data = resources.get(_IPTC_OF_PHOTOSHOP) if isinstance(resources, dict) else None
    data = data or getattr(image, "tag_v2", {}).get(_IPTC_OF_TIFF)
    if not isinstance(data, bytes):
        return _Names()
    names, notice = by_lines_and_notice(data)
    return _Names(_short(_BETWEEN_NAMES.join(names).encode()), _short(notice.encode()))


def _xmp(image: Image.Image, original: Original) -> _Names:
    packet = _packet(image, original)
    if packet is None:
        return _Names()
    names, rights = creators_and_rights(packet)
    return _Names(_short(_BETWEEN_NAMES.join(names).encode()), _short(rights.encode()))


def _packet(image: Image.Image, original: Original) -> bytes | None:
    packet = image.info.get("xmp")
    if original.format is ImageFormat.PNG:
        packet = png.xmp_packet(original.data)
    return packet if isinstance(packet, bytes) else None


def _short(raw: bytes) -> bytes:
    """Return the bytes without control characters, cut between two characters."""
    printable = bytes(byte for byte in raw if byte >= _FIRST_PRINTABLE).strip()
    return printable[:_MAX_BYTES].decode("utf-8", "ignore").encode() or printable[:_MAX_BYTES]
