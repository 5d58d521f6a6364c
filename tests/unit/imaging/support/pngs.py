"""Write PNGs of any layout from known samples, so that the right picture is known beforehand."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.unit.imaging.support.odd import Chunk, png_chunk

Samples = npt.NDArray[Any]  # height, width, samples
GREY, RGB, INDEXED, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
SAMPLES = {GREY: 1, RGB: 3, INDEXED: 1, GREY_ALPHA: 2, RGBA: 4}
DEPTHS = {GREY: (1, 2, 4, 8, 16), RGB: (8, 16), INDEXED: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_FILTERS = 5


@dataclass(frozen=True, slots=True)
class Layout:
    """How samples are stored, and which chunks stand before, among and after the pixels."""

    colour_type: int
    depth: int = 8
    interlaced: bool = False
    before: Sequence[Chunk] = ()
    among: Sequence[Chunk] = ()
    after: Sequence[Chunk] = ()
    methods: tuple[int, int] = (0, 0)  # of compression and of filters


def png_of(samples: Samples, layout: Layout) -> bytes:
    """Return a file of these samples, its rows filtered in all ways in turn."""
    height, width, count = samples.shape
    step = max(1, layout.depth * count // 8)
    passes = _PASSES if layout.interlaced else ((0, 0, 1, 1),)
    parts = (samples[top::down, left::across] for left, top, across, down in passes)
    rows = b"".join(_filtered(_packed(part, layout.depth), step) for part in parts if part.size)
    stream = zlib.compress(rows)
    how = (layout.depth, layout.colour_type, *layout.methods, int(layout.interlaced))
    chunks = [
        (b"IHDR", struct.pack(">II5B", width, height, *how)),
        *layout.before,
        (b"IDAT", stream[: len(stream) // 2]),
        *layout.among,
        (b"IDAT", stream[len(stream) // 2 :]),
        *layout.after,
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def with_bad_checksum(data: bytes, kind: bytes) -> bytes:
    """Return a PNG whose first chunk of a kind has a wrong checksum."""
    at = data.index(kind)
    end = at + 4 + int.from_bytes(data[at - 4 : at], "big")
    return data[:end] + bytes(255 - byte for byte in data[end : end + 4]) + data[end + 4 :]


def _packed(part: Samples, depth: int) -> npt.NDArray[np.uint8]:
    if depth == 16:
        return part.astype(">u2").reshape(len(part), -1).view(np.uint8).reshape(len(part), -1)
    levels = part.reshape(len(part), -1, 1)
    bits = (levels >> np.arange(depth - 1, -1, -1) & 1).astype(np.uint8)
    return np.packbits(bits.reshape(len(part), -1), axis=1)


def _filtered(rows: npt.NDArray[np.uint8], step: int) -> bytes:
    """Return the rows less what each filter expects of the bytes to the left and above."""
    packed = b""
    above = np.zeros(rows.shape[1], np.int64)
    for number, row in enumerate(rows.astype(np.int64)):
        left, corner = (np.pad(line, (step, 0))[: len(line)] for line in (row, above))
        expected = (0 * row, left, above, (left + above) // 2, _paeth(left, above, corner))
        packed += bytes([number % _FILTERS])
        packed += (row - expected[number % _FILTERS] & 255).astype(np.uint8).tobytes()
        above = row
    return packed


def _paeth(left: Samples, above: Samples, corner: Samples) -> Samples:
    guess = left + above - corner
    by_left, by_above, by_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    other = np.where(by_above <= by_corner, above, corner)
    return np.where((by_left <= by_above) & (by_left <= by_corner), left, other)
