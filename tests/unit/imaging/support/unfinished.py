"""Builders of files that lack a part of their pixels and look whole."""

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO

from PIL import Image

from tests.unit.imaging.support.odd import png_chunk

_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2))
_LAST_PASS = (0, 1, 1, 2)


def packed_png(
    size: tuple[int, int], rows: bytes, *, interlaced: bool = False, chunk_bytes: int = 8192
) -> bytes:
    """Return an RGB PNG around any rows, filter bytes included, in a stream that ends well."""
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, int(interlaced))
    stream = zlib.compress(rows)
    parts = [stream[start : start + chunk_bytes] for start in range(0, len(stream), chunk_bytes)]
    chunks = [(b"IHDR", header), *((b"IDAT", part) for part in parts), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def plain_rows(image: Image.Image) -> bytes:
    """Return the rows of an RGB picture, none of them filtered."""
    levels, length = image.tobytes(), 3 * image.width
    return b"".join(
        b"\0" + levels[start : start + length] for start in range(0, len(levels), length)
    )


def interlaced_rows(image: Image.Image) -> bytes:
    """Return the rows of the seven passes."""
    rows = b""
    for left, top, across, down in (*_ADAM7, _LAST_PASS):
        columns, lines = range(left, image.width, across), range(top, image.height, down)
        for y in lines if columns else ():
            pixels = (image.crop((x, y, x + 1, y + 1)).tobytes() for x in columns)
            rows += b"\0" + b"".join(pixels)
    return rows


def parted_tiff(
    size: tuple[int, int], part: tuple[int, int] | None, *, parts: int, planes: int = 1
) -> bytes:
    """Return an RGB TIFF of so many strips or tiles, all of the same grey.

    `part` is the width and the height of each; a width of 0 makes strips, None one strip whose
    height is not said. With more than one plane each holds one colour.
    """
    width, height = size
    across, down = part or (0, height)
    samples = 1 if planes > 1 else 3
    block = bytes([120]) * ((across or width) * down * samples)
    places = [8 + number * len(block) for number in range(parts)]
    tags = [(256, [width]), (257, [height]), (258, [8, 8, 8]), (259, [1]), (262, [2]), (277, [3])]
    tags += [(284, [2 if planes > 1 else 1])]
    if across:
        tags += [(322, [across]), (323, [down]), (324, places), (325, [len(block)] * parts)]
    else:
        tags += [(273, places), (279, [len(block)] * parts)]
        tags += [(278, [down])] if part else []
    return _classic_tiff(block * parts, tags)


def _classic_tiff(pixels: bytes, tags: Sequence[tuple[int, Sequence[int]]]) -> bytes:
    place = 8 + len(pixels)
    elsewhere = place + 2 + 12 * len(tags) + 4
    entries = blocks = b""
    for number, values in sorted(tags):
        kind, code = (3, "H") if number == 258 else (4, "I")
        body = struct.pack(f"<{len(values)}{code}", *values)
        if len(body) > 4:
            body, blocks = struct.pack("<I", elsewhere + len(blocks)), blocks + body
        entries += struct.pack("<HHI", number, kind, len(values)) + body.ljust(4, b"\0")
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return struct.pack("<2sHI", b"II", 42, place) + pixels + directory + blocks


def stopped(data: bytes, share: float) -> bytes:
    """Return a file of the same length that was written up to a share of it."""
    return data[: int(len(data) * share)].ljust(len(data), b"\0")


def moving(pictures: Sequence[Image.Image], image_format: str, *, lossless: bool = False) -> bytes:
    """Return an animation."""
    buffer = BytesIO()
    first, *others = pictures
    options = {"lossless": True} if lossless else {}
    first.save(buffer, image_format, save_all=True, append_images=others, duration=100, **options)
    return buffer.getvalue()
