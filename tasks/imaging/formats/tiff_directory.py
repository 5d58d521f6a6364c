"""Read the first directory of a TIFF: its tags with their values, of either size and byte order.

Everything read is untrusted: a tag whose values are not all there is left out, and `is_whole` says
so. It must not know Pillow, or what the tags mean.
"""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

# Bytes of a value, by the number of its type; a rational number is two of 32 bits.
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_BYTES |= {13: 4, 16: 8, 17: 8, 18: 8}
_WHOLE_NUMBERS = frozenset({1, 3, 4, 7, 13, 16, 18})
_MOST_ENTRIES = 65_535  # what a classic TIFF can say


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: the number of its type, how many values it has, and their bytes as they lie there."""

    type: int
    count: int
    raw: memoryview
    little: bool

    @property
    def first(self) -> int:
        """The first value, where it is a whole number; else 0."""
        numbers = self.numbers(1)
        return numbers[0] if numbers else 0

    def numbers(self, most: int) -> tuple[int, ...]:
        """Return up to this many values of a tag of whole numbers."""
        size = _BYTES.get(self.type, 0)
        if self.type not in _WHOLE_NUMBERS:
            return ()
        order = "<" if self.little else ">"
        whole = self.raw[: len(self.raw) // size * size]
        found = np.frombuffer(whole[: most * size], f"{order}u{size}")
        return tuple(int(number) for number in found)

    def fractions(self) -> tuple[float, ...]:
        """Return the values of a tag of rational numbers; division by zero gives 0."""
        order = "<" if self.little else ">"
        pairs = np.frombuffer(self.raw[: len(self.raw) // 8 * 8], f"{order}u4").reshape(-1, 2)
        return tuple(float(over) / float(under) if under else 0.0 for over, under in pairs)


@dataclass(frozen=True, slots=True)
class Directory:
    """The tags that were asked for.

    `is_whole` is False where the file ends before their values, or a tag is there twice.
    """

    tags: dict[int, Tag]
    little: bool
    is_big: bool
    is_whole: bool

    def first(self, number: int, default: int) -> int:
        """Return the first value of a tag, the default where the directory has none."""
        return self.tags[number].first if number in self.tags else default


def first_directory(
    data: bytes, wanted: Collection[int], *, optional: Collection[int] = ()
) -> Directory:
    """Return the wanted tags of the first directory; one that is `optional` may be cut short."""
    little, is_big = data[:2] == b"II", 43 in (data[2], data[3])
    count_bytes, entry_bytes, field_bytes = (8, 20, 8) if is_big else (2, 12, 4)

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little" if little else "big")

    place = number(8, 8) if is_big else number(4, 4)
    start = place + count_bytes
    count = min(number(place, count_bytes), _MOST_ENTRIES)
    tags: dict[int, Tag] = {}
    is_whole = count > 0 and start + count * entry_bytes <= len(data)
    for at in range(start, min(start + count * entry_bytes, len(data)), entry_bytes):
        if number(at, 2) not in wanted:
            continue
        if number(at, 2) not in optional:
            is_whole = is_whole and number(at, 2) not in tags
        kind, values = number(at + 2, 2), number(at + 4, field_bytes)
        size = _BYTES.get(kind, 1) * values
        field = at + 4 + field_bytes
        begin = field if size <= field_bytes else number(field, field_bytes)
        raw = memoryview(data)[begin : begin + size]
        if len(raw) < size and number(at, 2) in optional:
            continue
        is_whole = is_whole and len(raw) == size
        tags[number(at, 2)] = Tag(kind, values, raw, little)
    return Directory(tags, little, is_big, is_whole)
