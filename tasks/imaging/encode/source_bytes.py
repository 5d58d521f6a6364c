"""A JPEG's own bytes without metadata, for where no encoding of ours would be smaller.

Pixels are not decoded and stay as they are: tables, frame and scans are copied, everything else is
left behind, also what follows the end. It must not know presets.
"""

from dataclasses import dataclass

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.formats.jpeg import Segment, segments
from tasks.imaging.models import Notice

_START, _END = b"\xff\xd8", b"\xff\xd9"
_JFIF, _EXIF, _ADOBE, _SCAN = 0xE0, 0xE1, 0xEE, 0xDA
_JFIF_BODY = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"  # no density, no preview
_ADOBE_BYTES = 12
_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
# Quantisation, Huffman and arithmetic tables, restart interval, and the frames that are decoded.
_TABLES = frozenset({0xDB, 0xC4, 0xCC, 0xDD})
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_LONGEST = 0xFFFF - 2


@dataclass(frozen=True, slots=True)
class OwnBytes:
    """A source without its metadata: the same pixels in fewer bytes."""

    format: ImageFormat
    data: bytes


def without_metadata(data: bytes, notice: Notice) -> bytes | None:
    """Return a JPEG that decodes to the same pixels and says only what the notice does.

    None where the file has no end, or the notice does not fit.
    """
    kept, last = [_START], None
    for each in segments(data):
        kept += _coded(data, last, each.start)
        kept += _copied(data, each)
        last = each
    end = data.find(_END, last.end) if last is not None and last.marker == _SCAN else -1
    said = _said(notice)
    if end < 0 or said is None:
        return None
    kept += _coded(data, last, end)
    has_jfif = kept[1:2] and kept[1][1] == _JFIF
    place = 2 if has_jfif else 1
    return b"".join((*kept[:place], *said, *kept[place:], _END))


def _coded(data: bytes, segment: Segment | None, until: int) -> list[bytes]:
    """Return the coded pixels that follow a scan's header."""
    is_scan = segment is not None and segment.marker == _SCAN
    return [data[segment.end : until]] if segment is not None and is_scan else []


def _copied(data: bytes, segment: Segment) -> list[bytes]:
    body = bytes(segment.body)
    if segment.marker in _TABLES or segment.marker in _FRAMES or segment.marker == _SCAN:
        return [data[segment.start : segment.end]]
    if segment.marker == _JFIF and body.startswith(b"JFIF\0"):
        return [_segment(_JFIF, _JFIF_BODY)]
    if segment.marker == _ADOBE and body.startswith(b"Adobe") and len(body) >= _ADOBE_BYTES:
        return [_segment(_ADOBE, body[:_ADOBE_BYTES])]  # which says how colours are stored
    return []


def _said(notice: Notice) -> list[bytes] | None:
    bodies = [notice.exif, _XMP_NAME + notice.xmp if notice.xmp else b""]
    if max(map(len, bodies)) > _LONGEST:
        return None
    return [_segment(_EXIF, body) for body in bodies if body]


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
