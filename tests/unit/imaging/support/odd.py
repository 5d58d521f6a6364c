"""Builders of pictures with rare but legal layouts, written byte by byte."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

import pillow_heif
from PIL import Image

Chunk = tuple[bytes, bytes]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    size: tuple[int, int],
    rows: Iterable[bytes],
    *,
    depth: int = 8,
    colour_type: int = 2,
    before: Sequence[Chunk] = (),
    after: Sequence[Chunk] = (),
) -> bytes:
    """Return a PNG with packed rows as given, and chunks before and after its pixels."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), *before, (b"IDAT", pixels), *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def with_chunks(data: bytes, *chunks: Chunk) -> bytes:
    """Return a PNG with chunks right after its header."""
    end_of_header = 33
    extra = b"".join(png_chunk(*chunk) for chunk in chunks)
    return data[:end_of_header] + extra + data[end_of_header:]


def flat_png(levels: Sequence[int], *, depth: int, colour_type: int, **more: Any) -> bytes:
    """Return an 8 by 8 PNG of one colour, given by its samples of `depth` bits."""
    code = "H" if depth == 16 else "B"
    row = struct.pack(f">{len(levels) * 8}{code}", *(list(levels) * 8))
    return png((8, 8), [row] * 8, depth=depth, colour_type=colour_type, **more)


def tiff(
    size: tuple[int, int],
    pixels: bytes,
    *,
    bits: Sequence[int],
    photometric: int,
    sample_format: int = 1,
    more: Sequence[tuple[int, int, Sequence[int]]] = (),
) -> bytes:
    """Return an uncompressed little-endian TIFF of one strip.

    `more` are tags as (number, type, values), type 3 for 16 and 4 for 32 bits.
    """
    tags: list[tuple[int, int, Sequence[int]]] = [
        (256, 4, [size[0]]),
        (257, 4, [size[1]]),
        (258, 3, bits),
        (259, 3, [1]),
        (262, 3, [photometric]),
        (273, 4, [8]),
        (277, 3, [len(bits)]),
        (278, 4, [size[1]]),
        (279, 4, [len(pixels)]),
        (339, 3, [sample_format] * len(bits)),
        *more,
    ]
    place = 8 + len(pixels)
    entries, blocks = b"", b""
    start_of_blocks = place + 2 + 12 * len(tags) + 4
    for number, kind, values in sorted(tags):
        body = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(body) > 4:
            where = struct.pack("<I", start_of_blocks + len(blocks))
            blocks += body
        else:
            where = body.ljust(4, b"\0")
        entries += struct.pack("<HHI", number, kind, len(values)) + where
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return struct.pack("<2sHI", b"II", 42, place) + pixels + directory + blocks


def heic(image: Image.Image, **options: Any) -> bytes:
    """Return the file that libheif writes."""
    buffer = BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90, **options)
    return buffer.getvalue()


def ycck_jpeg(image: Image.Image) -> bytes:
    """Return a CMYK picture as Photoshop writes it: inverted, and its colours as YCC."""
    cyan, magenta, yellow, black = image.split()
    luma = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()
    # The writer inverts all four planes: they are inverted here first, and so come out as meant.
    planes = [Image.eval(band, lambda v: 255 - v) for band in luma]
    buffer = BytesIO()
    Image.merge("CMYK", (*planes, black)).save(buffer, "JPEG", quality=98, subsampling=0)
    data = buffer.getvalue()
    adobe = data.index(b"Adobe")
    return data[: adobe + 11] + b"\x02" + data[adobe + 12 :]


def with_code_points(data: bytes, primaries: int, transfer: int) -> bytes:
    """Return an AVIF or HEIC with other colour code points in its nclx box."""
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def with_clean_aperture(data: bytes, numbers: Sequence[int]) -> bytes:
    """Return a still AVIF of libavif whose main picture has a clean aperture of eight numbers."""
    aperture = struct.pack(">I4s8i", 40, b"clap", *numbers)
    at = data.index(b"ipco") - 4
    index = len(list(_boxes(data, at)))
    end = at + int.from_bytes(data[at : at + 4], "big")
    data = data[:end] + aperture + data[end:]
    first = data.index(b"ipma") + 12  # of the properties of the main picture, behind its number
    data = data[: first + 2] + bytes([data[first + 2] + 1, 0x81 + index]) + data[first + 3 :]
    for kind, more in ((b"meta", 41), (b"iprp", 41), (b"ipco", 40), (b"ipma", 1)):
        data = _enlarged(data, data.index(kind) - 4, more)
    place = data.index(b"iloc") + 12
    for _ in range(int.from_bytes(data[place - 2 : place], "big")):
        data = _enlarged(data, place + 6, 41)
        place += 14
    return data


def _boxes(data: bytes, at: int) -> Iterable[int]:
    """Yield where each box within a box begins."""
    end, place = at + int.from_bytes(data[at : at + 4], "big"), at + 8
    while place < end:
        yield place
        place += int.from_bytes(data[place : place + 4], "big")


def _enlarged(data: bytes, at: int, more: int) -> bytes:
    number = int.from_bytes(data[at : at + 4], "big") + more
    return data[:at] + number.to_bytes(4, "big") + data[at + 4 :]
