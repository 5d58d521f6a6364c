"""What a ThumbHash looks like, as an image small enough for a page's own text.

Written after Evan Wallace's description of the format (MIT licence). It must not know Pillow: the
API answers with placeholders and loads no pixel code.
"""

import struct
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from tasks.imaging.web.dct_waves import waves
from tasks.imaging.web.thumbhash_waves import (
    ALPHA_WAVES,
    COLOUR_WAVES,
    FEWEST_WAVES,
    most_waves,
    triangle,
)

# Half the bytes of the 32 px that the format's author draws; enlarged by a browser, it is the same
# to 0.6 levels of 255 in the median of 44 images.
_SIDE_PX = 16
_RICHER = 1.25  # colours are strengthened by this: few bits had made them paler
_KEPT = 2_000  # a listing shows the same images again and again; each takes about 600 bytes


@dataclass(frozen=True, slots=True)
class Pixels:
    """Straight RGBA, row by row."""

    width: int
    height: int
    rgba: bytes


@dataclass(frozen=True, slots=True)
class _Header:
    """The start of a hash; `across` and `down` count the waves of lightness."""

    means: tuple[float, float, float]
    scales: tuple[float, float, float]
    across: int
    down: int
    alpha: tuple[float, float] | None  # mean and scale
    bytes: int


@lru_cache(maxsize=_KEPT)
def placeholder(thumbhash: str) -> str:
    """Return a `data:` URI of the preview that a ThumbHash in base64 holds: a PNG."""
    pixels = draw(b64decode(thumbhash))
    stride = 4 * pixels.width
    body, above = bytearray(), bytes(stride)
    for start in range(0, len(pixels.rgba), stride):
        row = pixels.rgba[start : start + stride]
        body.append(2)  # "up", of the filters that PNG knows: the difference from the row above
        body.extend((level - before) & 255 for level, before in zip(row, above, strict=True))
        above = row
    header = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, 6, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n"
    for kind, data in (b"IHDR", header), (b"IDAT", zlib.compress(bytes(body), 9)), (b"IEND", b""):
        checksum = zlib.crc32(data, zlib.crc32(kind))
        png += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)
    return "data:image/png;base64," + b64encode(png).decode("ascii")


def is_see_through(thumbhash: str) -> bool:
    """Whether the image has transparent pixels."""
    return _read(b64decode(thumbhash)).alpha is not None


def draw(thumbhash: bytes, side: int = _SIDE_PX) -> Pixels:
    """Return the preview, `side` pixels along the longer side."""
    header = _read(thumbhash)
    longest = max(header.across, header.down)
    width, height = (int(side * count / longest + 0.5) for count in (header.across, header.down))
    light = (max(FEWEST_WAVES, header.across), max(FEWEST_WAVES, header.down))
    colour = (COLOUR_WAVES, COLOUR_WAVES)
    channels = [*zip(header.means, header.scales, (light, colour, colour), strict=True)]
    if header.alpha is not None:
        channels.append((*header.alpha, (ALPHA_WAVES, ALPHA_WAVES)))
    nibbles = (half for byte in thumbhash[header.bytes :] for half in (byte & 15, byte >> 4))
    planes: list[list[float]] = []
    for mean, scale, (across, down) in channels:
        grid = [[0.0] * across for _ in range(down)]  # amplitudes; those above its diagonal stay 0
        for x, y in triangle(across, down):
            grid[y][x] = 2 * scale * (next(nibbles) / 7.5 - 1)
        planes.append(_plane(mean, grid, (width, height)))
    if header.alpha is None:
        planes.append([1.0] * (width * height))
    rgba = bytearray()
    for lightness, yellow, red_green, alpha in zip(*planes, strict=True):
        blue = lightness - 2 / 3 * yellow
        red = (3 * lightness - blue + red_green) / 2
        pixel = (red, red - red_green, blue, alpha)
        rgba += bytes(int(255 * max(0.0, min(1.0, channel))) for channel in pixel)
    return Pixels(width, height, bytes(rgba))


def _read(thumbhash: bytes) -> _Header:
    first = int.from_bytes(thumbhash[:3], "little")
    second = int.from_bytes(thumbhash[3:5], "little")
    has_alpha = bool(first >> 23)
    longer, shorter = most_waves(has_alpha=has_alpha), second & 7
    across, down = (longer, shorter) if second >> 15 else (shorter, longer)
    return _Header(
        means=(
            (first & 63) / 63,
            (first >> 6 & 63) / 31.5 - 1,
            (first >> 12 & 63) / 31.5 - 1,
        ),
        scales=(
            (first >> 18 & 31) / 31,
            (second >> 3 & 63) / 63 * _RICHER,
            (second >> 9 & 63) / 63 * _RICHER,
        ),
        across=across,
        down=down,
        alpha=((thumbhash[5] & 15) / 15, (thumbhash[5] >> 4) / 15) if has_alpha else None,
        bytes=6 if has_alpha else 5,
    )


def _plane(mean: float, grid: list[list[float]], size: tuple[int, int]) -> list[float]:
    """Add the waves up, first down and then across."""
    rows = list(zip(*waves(size[0], len(grid[0])), strict=True))
    columns = list(zip(*waves(size[1], len(grid)), strict=True))
    amplitudes = list(zip(*grid, strict=True))
    lines = [[sum(map(mul, column, wave)) for wave in amplitudes] for column in columns]
    return [mean + sum(map(mul, line, row)) for line in lines for row in rows]
