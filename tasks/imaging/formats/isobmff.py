"""Read the few boxes of an ISO file (AVIF) that Pillow does not tell about.

These are the colour description of the image and the length of an animation. Everything read
is untrusted: a damaged box is as good as none.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

_MAX_BOXES = 10_000  # of one parent; an image has some dozens
_FULL_BOX_BYTES = 4  # version and flags, before the content
Box = tuple[bytes, memoryview]
Bounds = tuple[int, int, int, int]  # left, top, right and bottom


def boxes(content: memoryview) -> Iterator[Box]:
    """Yield kind and content of the boxes in a parent's content."""
    place = 0
    for _ in range(_MAX_BOXES):
        header = 8
        size = number(content, place, 4)
        if size == 1:
            header, size = 16, number(content, place + 8, 8)
        elif size == 0:
            size = len(content) - place
        if size < header or place + header > len(content):
            return
        yield bytes(content[place + 4 : place + 8]), content[place + header : place + size]
        place += size


def find(content: memoryview, *path: bytes) -> memoryview:
    """Return the content of the first box under the path, empty when there is none."""
    for kind in path:
        content = first(boxes(content), kind)
        if kind == b"meta":
            content = content[_FULL_BOX_BYTES:]
    return content


def first(found: Iterable[Box], kind: bytes) -> memoryview:
    """Return the content of the first box of a kind, empty when there is none."""
    return next((body for each, body in found if each == kind), memoryview(b""))


def main_properties(data: bytes) -> tuple[Box, ...]:
    """Return what the file says of its main image: kind and content of each property."""
    meta = find(memoryview(data), b"meta")
    properties = list(boxes(find(meta, b"iprp", b"ipco")))
    wanted = _properties_of(meta, _main_item(meta))
    return tuple(properties[index - 1] for index in wanted if 0 < index <= len(properties))


def colour_code_points(properties: Sequence[Box]) -> tuple[int, int] | None:
    """Return the primaries and the transfer of the main image as H.273 numbers them."""
    for kind, body in properties:
        if kind == b"colr" and bytes(body[:4]) == b"nclx":
            return number(body, 4, 2), number(body, 6, 2)
    return None


def declared_size(properties: Sequence[Box]) -> tuple[int, int]:
    """Return width and height as the main image declares them, (0, 0) where it does not."""
    body = first(properties, b"ispe")
    return number(body, 4, 4), number(body, 8, 4)


def clean_aperture(properties: Sequence[Box]) -> Bounds | None:
    """Return left, top, right and bottom of what is to be shown of the main image, as it lies.

    None where that is all of it, or no rectangle of whole pixels within it.
    """
    body, (width, height) = first(properties, b"clap"), declared_size(properties)
    across = _shown_span(body, (0, 16), width)
    down = _shown_span(body, (8, 24), height)
    return (across[0], down[0], across[1], down[1]) if across and down else None


def _shown_span(body: memoryview, places: tuple[int, int], whole: int) -> tuple[int, int] | None:
    """Return start and end along one side, from its length and its middle's offset."""
    length, offset = (_ratio(body, place) for place in places)
    if length is None or offset is None:
        return None
    start = (whole - length) / 2 + offset
    is_whole = start.denominator == length.denominator == 1
    if not is_whole or length < 1 or start < 0 or start + length > whole:
        return None
    return int(start), int(start + length)


def _ratio(body: memoryview, place: int) -> Fraction | None:
    """Return a signed ratio of two numbers of 32 bits."""
    over = int.from_bytes(body[place : place + 4], "big", signed=True)
    under = int.from_bytes(body[place + 4 : place + 8], "big", signed=True)
    return Fraction(over, under) if under else None


def sequence_length(data: bytes) -> tuple[int, float]:
    """Return frames and seconds of the first track; one frame without any."""
    media = find(memoryview(data), b"moov", b"trak", b"mdia")
    sizes = find(media, b"minf", b"stbl", b"stsz")
    frames = number(sizes, 8, 4)
    head = find(media, b"mdhd")
    long = bytes(head[:1]) == b"\x01"
    scale = number(head, 20 if long else 12, 4)
    duration = number(head, 24 if long else 16, 8 if long else 4)
    return (frames, duration / scale if scale else 0.0) if frames > 1 else (1, 0.0)


def _main_item(meta: memoryview) -> int:
    body = find(meta, b"pitm")
    return number(body, 4, 2 if bytes(body[:1]) == b"\0" else 4)


def _properties_of(meta: memoryview, item: int) -> Iterator[int]:
    """Yield the numbers, from 1, of an item's properties."""
    body = find(meta, b"iprp", b"ipma")
    item_bytes = 2 if bytes(body[:1]) == b"\0" else 4
    index_bytes = 2 if len(body) > 3 and body[3] & 1 else 1
    essential = 1 << (8 * index_bytes - 1)  # a flag beside the number
    place = 8
    for _ in range(min(number(body, 4, 4), _MAX_BOXES)):
        count = number(body, place + item_bytes, 1)
        first = place + item_bytes + 1
        place = first + count * index_bytes
        if number(body, first - item_bytes - 1, item_bytes) == item:
            for at in range(first, place, index_bytes):
                yield number(body, at, index_bytes) & ~essential


def number(content: memoryview | bytes, place: int, size: int) -> int:
    """Return the number in this many bytes at a place; 0 where nothing is."""
    return int.from_bytes(content[place : place + size], "big")
