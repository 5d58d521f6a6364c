"""Find where the coded images of an ISO file (AVIF, HEIC) lie in it.

Everything read is untrusted: a damaged box is as good as none. It must not decode anything.
"""

from collections.abc import Iterator

from tasks.imaging.formats.isobmff import boxes, find, number

_CODED = frozenset({b"av01", b"hvc1", b"hev1"})
_MOST_EXTENTS = 10_000  # of all items; an image of 50 megapixels has some hundred tiles
_MOST_ITEMS = 10_000
_IN_THE_FILE = 0  # not inside of the metadata


def coded_extents(data: bytes) -> Iterator[memoryview]:
    """Yield the bytes of each coded image, tiles and transparency included."""
    meta = find(memoryview(data), b"meta")
    coded = _coded_items(find(meta, b"iinf"))
    for item, offset, length in _extents(find(meta, b"iloc")):
        if item in coded:
            yield memoryview(data)[offset : offset + length if length else None]


def is_sequence(data: bytes) -> bool:
    """Whether the file has frames that follow each other in time."""
    return bool(find(memoryview(data), b"moov"))


def closing_media(data: bytes) -> memoryview:
    """Return the content of the last box where that holds media, else nothing."""
    kind, content = b"", memoryview(b"")
    for kind, content in boxes(memoryview(data)):  # noqa: B007 - the last one is meant
        pass
    return content if kind == b"mdat" else memoryview(b"")


def _coded_items(information: memoryview) -> set[int]:
    start = 8 if bytes(information[:1]) != b"\0" else 6
    items = set()
    for kind, entry in boxes(information[start:]):
        id_bytes = 4 if bytes(entry[:1]) == b"\x03" else 2
        if kind == b"infe" and bytes(entry[6 + id_bytes : 10 + id_bytes]) in _CODED:
            items.add(number(entry, 4, id_bytes))
    return items


def _extents(locations: memoryview) -> Iterator[tuple[int, int, int]]:
    """Yield item, place and length of each stretch that lies in the file."""
    version, sizes = number(locations, 0, 1), number(locations, 4, 2)
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    wide = 4 if version == 2 else 2
    place, extents = 6 + wide, 0
    for _ in range(min(number(locations, 6, wide), _MOST_ITEMS)):
        item = number(locations, place, wide)
        place += wide
        method = number(locations, place, 2) & 15 if version else _IN_THE_FILE
        place += 4 if version else 2  # the method, and which file it is in
        base = number(locations, place, base_bytes)
        count = number(locations, place + base_bytes, 2)
        place += base_bytes + 2
        for _ in range(count):
            extents += 1
            if extents > _MOST_EXTENTS or place >= len(locations):
                return
            offset = number(locations, place + index_bytes, offset_bytes)
            length = number(locations, place + index_bytes + offset_bytes, length_bytes)
            place += index_bytes + offset_bytes + length_bytes
            if method == _IN_THE_FILE:
                yield item, base + offset, length
