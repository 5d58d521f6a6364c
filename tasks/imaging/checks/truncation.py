"""Refuse a file that was given its whole length and then not written to its end.

Such a file ends in zeros. The decoders of WebP, AVIF and HEIC take these for pixels, those of the
other formats with coded pixels do not.
"""

import math
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

from tasks.imaging.errors import truncated
from tasks.imaging.formats.isobmff_items import closing_media, coded_extents, is_sequence
from tasks.imaging.formats.riff_and_png import as_webp, riff_bytes, webp_chunks, webp_size

# HEVC forbids three zero bytes in a row, and AV1 closes each tile with a set bit. The longest run
# at the end of what their encoders wrote, of any colour and quality, was none at all; in the
# middle it was 6 bytes.
# A WebP may end in any number of zeros, which then stand for one colour over and over. All of
# them are needed, though: a decoder reads some bytes ahead, never so many.
_ZEROS = bytes(64)
_CODED = frozenset({b"VP8 ", b"VP8L"})
_FRAME, _FRAME_HEADER_BYTES = b"ANMF", 16


def refuse_stopped_iso(data: bytes) -> None:
    """Raise `ImageRefused` (truncated) when a coded image of an AVIF or HEIC ends in zeros.

    Metadata may end in zeros, and lie at the end of the file; they are not looked at.
    """
    if any(_ends_in_zeros(part) for part in coded_extents(data)):
        raise truncated()
    if is_sequence(data) and _ends_in_zeros(closing_media(data)):
        raise truncated()


def refuse_stopped_webp(data: bytes) -> None:
    """Raise `ImageRefused` (truncated) when the last image of a WebP ends in zeros for nothing.

    Where it ends in zeros, that image is decoded without some of them. The declared size must
    have been judged before.
    """
    kind, last, place = b"", memoryview(b""), len(as_webp(b""))
    for found, body in webp_chunks(data):
        place += 8 + len(body) + len(body) % 2
        for kind, last in _coded(found, body):  # noqa: B007 - the last one is meant
            pass
    if _ends_in_zeros(memoryview(data)[place : riff_bytes(data)]):  # no further chunk was begun
        raise truncated()
    if _ends_in_zeros(last) and _is_decoded_without_zeros(kind, last, math.prod(webp_size(data))):
        raise truncated()


def _ends_in_zeros(part: memoryview) -> bool:
    return part[-len(_ZEROS) :] == _ZEROS


def _coded(kind: bytes, body: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the coded image that a chunk is or, as a frame, contains."""
    if kind in _CODED:
        yield kind, body
    if kind == _FRAME:
        inner = as_webp(bytes(body[_FRAME_HEADER_BYTES:]))
        yield from (chunk for chunk in webp_chunks(inner) if chunk[0] in _CODED)


def _is_decoded_without_zeros(kind: bytes, body: memoryview, max_pixels: int) -> bool:
    kept = bytes(body[: -len(_ZEROS)])
    kept += bytes(len(kept) % 2)
    shorter = as_webp(kind + len(kept).to_bytes(4, "little") + kept)
    if math.prod(webp_size(shorter)) > max_pixels:
        return False
    try:
        with Image.open(BytesIO(shorter), formats=("WEBP",)) as image:
            image.load()
    except Exception:  # noqa: BLE001 - decoders raise anything; the zeros were needed
        return False
    return True
