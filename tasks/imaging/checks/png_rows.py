"""Refuse a PNG whose packed pixels end before its rows do.

Such a stream is in order for the decoder, which leaves the missing rows black. It must not keep
what it unpacks: only the length counts.
"""

import zlib
from collections.abc import Iterator
from itertools import dropwhile, takewhile

from PIL import Image

from tasks.imaging.errors import truncated
from tasks.imaging.formats.png import bits_per_pixel
from tasks.imaging.formats.riff_and_png import PngChunk, png_chunks

_INTERLACED_AT = 28
_PIECE_BYTES = 64 * 1024  # packed or unpacked: what is in memory at once
# Adam7: where each pass starts, across and down, and its steps.
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)


def refuse_missing_rows(data: bytes, decoded: Image.Image) -> None:
    """Raise `ImageRefused` (truncated) when the stream ends well and too early.

    One that is damaged or cut is the decoder's to refuse. Unpacks at most what the header declares,
    so the declared size must have been judged before. Of an APNG it reads the still image. A last
    row that shows something has come, and so have those above it, unless they are interlaced: that
    spares most images three quarters of their decoding.
    """
    last_row = (0, decoded.height - 1, *decoded.size)
    if not data[_INTERLACED_AT] and decoded.crop(last_row).tobytes().strip(b"\0"):
        return
    needed = _needed_bytes(data)
    unpacking = zlib.decompressobj()
    unpacked = 0
    for piece in _pieces(data):
        rest: bytes | memoryview = piece
        while rest and not unpacking.eof:
            try:
                unpacked += len(unpacking.decompress(rest, _PIECE_BYTES))
            except zlib.error:
                return
            if unpacked >= needed:
                return
            rest = unpacking.unconsumed_tail
    if unpacking.eof:
        raise truncated()


def _pieces(data: bytes) -> Iterator[memoryview]:
    """Yield the packed pixels; decoders stop at the first chunk that follows them."""
    following = dropwhile(lambda chunk: not _is_pixels(chunk), png_chunks(data))
    for chunk in takewhile(_is_pixels, following):
        for start in range(0, len(chunk.body), _PIECE_BYTES):
            yield chunk.body[start : start + _PIECE_BYTES]


def _is_pixels(chunk: PngChunk) -> bool:
    return chunk.kind == b"IDAT"


def _needed_bytes(data: bytes) -> int:
    """Return the length of all rows, each with the byte that names its filter."""
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    bits, sizes = bits_per_pixel(data), [(width, height)]
    if data[_INTERLACED_AT]:
        sizes = [
            (len(range(left, width, across)), len(range(top, height, down)))
            for left, top, across, down in _PASSES
        ]
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns)
