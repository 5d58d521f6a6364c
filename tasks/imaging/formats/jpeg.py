"""Walk the segments of a JPEG as its decoder does: up to the end of the image.

What follows the end mark (a film, a second view, an archive) is no part of the image. It must not
know Pillow.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.errors import corrupt, truncated

# Of one image: its tables, scans and notes. A profile of 16 MB takes 255.
_MOST_SEGMENTS = 20_000
# A marker within or behind coded pixels: a stuffed 0xFF and the marks of restarts are pixels.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_END, _SCAN, _JFIF, _PROFILE, _ADOBE = 0xD9, 0xDA, 0xE0, 0xE2, 0xEE
# Without a length. libjpeg knows none below 0xC0; where it steps over one, it does so.
_ALONE = frozenset({*range(0x01, 0xC0), *range(0xD0, 0xD9)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODED_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_PROGRESSIVE = frozenset({0xC2, 0xCA})
_COEFFICIENTS = 64  # of a block
_END_MARK = b"\xff\xd9"
_ZEROS = bytes(3)  # where nothing was written; a decoder takes them for pixels
# Coded pixels that mean nothing, its first bit set: decoders take zeros for missing ones.
_NOISE = bytes((0xA5 + 73 * number) % 251 for number in range(64))
_DECODED_BITS = 8
_DECODED_COMPONENTS = frozenset({1, 3, 4})
# What Pillow needs of a segment that starts so; libjpeg takes a shorter one for a note.
_LEAST = {_JFIF: (b"JFIF", 7), _PROFILE: (b"ICC_PROFILE\0", 14), _ADOBE: (b"Adobe", 7)}


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker's code and the content that follows it; `start` and `end` are around both."""

    marker: int
    body: memoryview
    start: int
    end: int


def segments(data: bytes) -> Iterator[Segment]:
    """Yield each segment of the first image, of which scans are followed by coded pixels.

    A file with more of them than any writer's raises `ImageRefused` (corrupt).
    """
    view, place, left = memoryview(data), 2, _MOST_SEGMENTS
    while found := _NEXT_MARKER.search(data, place):
        start, marker = found.start(), data[found.start() + 1]
        if marker == _END:
            return
        if not left:
            raise corrupt()
        left -= 1
        if marker in _ALONE:
            place = start + 2
            continue
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        place = start + 2 + max(2, length)
        yield Segment(marker, view[start + 4 : place], start, place)


def has_more_scans(data: bytes, most: int) -> bool:
    """Whether the image takes more than this many passes over its pixels."""
    scans = (segment for segment in segments(data) if segment.marker == _SCAN)
    return next(islice(scans, most, None), None) is not None


def frame_marker(data: bytes) -> int:
    """Return the marker that opens the image, which says how pixels are coded; 0 without one."""
    frame = _frame(data)
    return frame.marker if frame else 0


def refuse_undecodable(data: bytes) -> None:
    """Raise `ImageRefused` (unsupported_format) for a kind of JPEG that is rarely decoded."""
    frame = _frame(data)
    if frame is None or len(frame.body) < 6:
        return
    bits, components = frame.body[0], frame.body[5]
    if frame.marker not in _DECODED_FRAMES:
        raise _unsupported("is coded without loss or in a hierarchy")
    if bits != _DECODED_BITS:
        raise _unsupported(f"has {bits} bits per sample")
    if components not in _DECODED_COMPONENTS:
        raise _unsupported(f"has {components} components per pixel")


def without_short_segments(data: bytes) -> bytes:
    """Return the file without segments that are too short for what they call themselves."""
    dropped = [segment for segment in _header(data) if _is_short(segment)]
    kept, place = [], 0
    for segment in dropped:
        kept.append(memoryview(data)[place : segment.start])
        place = segment.end
    return b"".join((*kept, memoryview(data)[place:])) if dropped else data


def closed(data: bytes) -> bytes:
    """Return a file that lacks its end mark with one; raise `ImageRefused` where scans are missing.

    Whether the last scan is whole is not known from the bytes: see `otherwise_closed`.
    """
    if not lacks_end(data):
        return data
    if data.endswith(_ZEROS) or not _has_all_scans(data):
        raise truncated()
    return data.rstrip(b"\xff") + _END_MARK


def otherwise_closed(data: bytes) -> bytes:
    """Return a file from `closed` with coded pixels before its end mark that no scan needs.

    It shows another image where some of the last scan's are missing.
    """
    place = max((segment.end for segment in segments(data)), default=0)
    passed = _RESTART.findall(data, place)
    following = passed[-1][1] + 1 if passed else 0  # the decoder looks for this one
    marks = (0xD0 | following + number & 7 for number in range(8))
    restarts = b"".join(bytes((0xFF, mark)) + _NOISE for mark in marks)
    return data[: -len(_END_MARK)] + _NOISE + restarts + _END_MARK


def lacks_end(data: bytes) -> bool:
    """Whether the first image has no end mark."""
    if data.endswith(_END_MARK):
        return False
    place = 2
    for segment in segments(data):
        place = segment.end
    return data.find(_END_MARK, place) < 0


def _has_all_scans(data: bytes) -> bool:
    """Whether the scans that are begun give each coefficient all of its bits."""
    frame = _frame(data)
    if frame is None:
        return False
    missing = {component: [1] * _COEFFICIENTS for component in bytes(frame.body[6::3])}
    for segment in segments(data):
        if segment.end > len(data):
            return False
        if segment.marker != _SCAN or not segment.body:
            continue
        count = segment.body[0]
        first, last, bits = (*segment.body[1 + 2 * count :], 0, 0, 0)[:3]
        if frame.marker not in _PROGRESSIVE:
            first, last, bits = 0, _COEFFICIENTS - 1, 0
        for component in bytes(segment.body[1 : 1 + 2 * count : 2]):
            levels = missing.get(component, [])
            levels[first : last + 1] = [bits & 15] * len(levels[first : last + 1])
    return not any(map(any, missing.values()))


def _header(data: bytes) -> Iterator[Segment]:
    """Yield what comes before the first scan."""
    for segment in segments(data):
        if segment.marker == _SCAN:
            return
        yield segment


def _frame(data: bytes) -> Segment | None:
    return next((segment for segment in _header(data) if segment.marker in _FRAMES), None)


def _is_short(segment: Segment) -> bool:
    name, least = _LEAST.get(segment.marker, (b"", 0))
    return len(segment.body) < least and bytes(segment.body[: len(name)]) == name


def _unsupported(what: str) -> ImageRefused:
    return ImageRefused(
        ErrorCode.UNSUPPORTED_FORMAT,
        f"The JPEG {what}, which is not supported; save it with 8 bits, as browsers show it.",
    )
