"""The one thing that a variant may say besides its pixels: whose picture it is.

Only two EXIF entries are ever written, Artist and Copyright, and only when a preset asks for
them. Places, cameras, dates and comments never pass.
"""

from PIL import ExifTags, Image

_TAGS = (ExifTags.Base.Artist, ExifTags.Base.Copyright)
_MAX_BYTES = 500  # of each: a name and a year, not a licence text
_FIRST_PRINTABLE = 32


def read_credit(image: Image.Image) -> bytes:
    """Return EXIF data with a source's artist and copyright alone; empty when it names neither.

    Call it on the opened file: later steps lose what some formats say.
    """
    try:
        stated = image.getexif()
        kept = {tag: _text(stated.get(tag)) for tag in _TAGS}
    except Exception:  # noqa: BLE001 - hostile EXIF data raise anything; the picture matters more
        return b""
    exif = Image.Exif()
    for tag, text in kept.items():
        if text:
            exif[tag] = text
    return exif.tobytes() if any(kept.values()) else b""


def _text(value: object) -> bytes:
    """Return the bytes as they were written, often UTF-8; EXIF itself knows ASCII alone."""
    raw = value.encode("latin-1", "ignore") if isinstance(value, str) else b""
    printable = bytes(byte for byte in raw if byte >= _FIRST_PRINTABLE)
    return printable[:_MAX_BYTES].decode("utf-8", "ignore").encode() or printable[:_MAX_BYTES]
