"""The one thing that a variant may say besides its pixels: whose image it is.

Only two EXIF entries are ever written, Artist and Copyright, and only when a preset asks for
them. Places, cameras, dates and comments never pass. Agencies write names into IPTC or XMP data
instead: those are read where EXIF has none.
"""

from dataclasses import dataclass

from PIL import ExifTags, Image

from tasks.imaging.decode.source import Original
from tasks.imaging.formats import png
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.metadata.iptc import by_lines_and_notice
from tasks.imaging.metadata.xmp import creators_and_rights

_MAX_BYTES = 500  # of each: a name and a year, not a licence text
_FIRST_PRINTABLE = 32
_BETWEEN_NAMES = "; "  # as the EXIF standard says
_IPTC_OF_PHOTOSHOP, _IPTC_OF_TIFF = 0x0404, 33723


@dataclass(frozen=True, slots=True)
class _Names:
    """Whose image it is, in bytes as they are written; often UTF-8, EXIF knows ASCII alone."""

    artist: bytes = b""
    rights: bytes = b""


def read_credit(image: Image.Image, original: Original) -> bytes:
    """Return EXIF data with a source's artist and copyright alone; empty when it names neither.

    Call it on the opened file: later steps lose what some formats say.
    """
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
    packet = image.info.get("xmp")
    if original.format is ImageFormat.PNG:
        packet = png.xmp_packet(original.data)
    if not isinstance(packet, bytes):
        return _Names()
    names, rights = creators_and_rights(packet)
    return _Names(_short(_BETWEEN_NAMES.join(names).encode()), _short(rights.encode()))


def _short(raw: bytes) -> bytes:
    """Return the bytes without control characters, cut between two characters."""
    printable = bytes(byte for byte in raw if byte >= _FIRST_PRINTABLE).strip()
    return printable[:_MAX_BYTES].decode("utf-8", "ignore").encode() or printable[:_MAX_BYTES]
