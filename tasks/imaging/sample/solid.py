"""Draw a turned solid, such as a bottle or its cap, lit from the left in a studio."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Stop = tuple[float, Colour]  # (place from 0 at the left to 1 at the right, colour there)
Ring = tuple[int, int]  # (height on the picture, half width there), in pixels

_BAND_PX = 2  # how finely the outline is followed
_ROUNDING_PX = 24  # how far corners of the outline are rounded
_FINER = 2  # the edge is drawn at twice the size and reduced
_COLUMN_PX = 6  # how finely a bent surface is followed
_DIP = 0.052  # of the radius: seen from a little above, a circle's front lies lower than its sides


@dataclass(frozen=True, slots=True)
class Solid:
    """A solid around a vertical axis: its outline from top to bottom, and its colours across.

    `knurls` is how many fine grooves run down the visible side.
    """

    rings: tuple[Ring, ...]
    colours: tuple[Stop, ...]
    knurls: int = 0


def place(picture: Image.Image, solid: Solid, axis: int) -> None:
    """Draw the solid on the picture, around the column `axis`."""
    top, bottom = solid.rings[0][0], solid.rings[-1][0]
    radius = max(wide for _, wide in solid.rings)
    surface = Image.new("RGB", (2 * radius, bottom - top))
    strip = _grooved(blend(solid.colours, 1024), solid.knurls)
    for y, wide in _outline(solid.rings):
        band = strip.resize((max(1, 2 * round(wide)), _BAND_PX))
        surface.paste(band, (radius - round(wide), y - top))
    surface.putalpha(_mask(solid.rings, surface.size))
    bent = bend(surface, radius, lambda x: x)
    picture.paste(bent, (axis - bent.width // 2, top), mask=bent)


def bend(surface: Image.Image, radius: int, across: Callable[[float], float]) -> Image.Image:
    """Lay a surface with alpha around a cylinder; it gets 2 * radius wide.

    `across` says which column of the surface, from -1 to 1, is seen at a place from -1 to 1.
    """
    dip, middle = round(_DIP * radius), surface.width / 2
    height = surface.height + dip

    def source(x: int) -> tuple[float, float]:
        place = max(-1.0, min(1.0, x / radius - 1))
        return middle + across(place) * middle, dip * math.sqrt(1 - place * place)

    mesh = []
    for left, right in pairwise((*range(0, 2 * radius, _COLUMN_PX), 2 * radius)):
        (u, low), (v, next_low) = source(left), source(right)
        corners = (u, -low, u, height - low, v, height - next_low, v, -next_low)
        mesh.append(((left, 0, right, height), corners))
    size = (2 * radius, height)
    return surface.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC)


def blend(stops: tuple[Stop, ...], length: int) -> Image.Image:
    """Return one row of pixels that runs smoothly through the stops."""
    row = Image.new("RGB", (length, 1))
    for x in range(length):
        row.putpixel((x, 0), _colour_at(stops, x / (length - 1)))
    return row


def _colour_at(stops: tuple[Stop, ...], place: float) -> Colour:
    for (start, before), (end, after) in pairwise(stops):
        if place <= end:
            share = (place - start) / (end - start)
            smooth = share * share * (3 - 2 * share)
            red, green, blue = (
                round(a + (b - a) * smooth) for a, b in zip(before, after, strict=True)
            )
            return red, green, blue
    return stops[-1][1]


def _grooved(strip: Image.Image, knurls: int) -> Image.Image:
    """Darken every other stripe; they get narrower towards the sides, as on a cylinder."""
    if not knurls:
        return strip
    half = strip.width / 2
    darker = strip.point(lambda level: level * 0.72)
    for x in range(strip.width):
        share = (x - half) / half
        turned = share * (1 + 0.5 * share * share)  # close enough to the angle
        if int((turned + 2) * knurls) % 2:
            strip.paste(darker.crop((x, 0, x + 1, 1)), (x, 0))
    return strip


def _outline(rings: tuple[Ring, ...]) -> Iterator[tuple[int, float]]:
    """Yield (height, half width) per band, corners rounded by averaging over neighbours."""
    reach = range(-_ROUNDING_PX, _ROUNDING_PX + 1, 4)
    for y in range(rings[0][0], rings[-1][0], _BAND_PX):
        yield y, sum(_half_width(rings, y + shift) for shift in reach) / len(reach)


def _half_width(rings: tuple[Ring, ...], y: float) -> float:
    if y <= rings[0][0]:
        return rings[0][1]
    for (top, wide), (bottom, wider) in pairwise(rings):
        if y <= bottom:
            return wide + (wider - wide) * (y - top) / (bottom - top)
    return rings[-1][1]


def _mask(rings: tuple[Ring, ...], size: tuple[int, int]) -> Image.Image:
    width, height = size
    top = rings[0][0]
    margin = _BAND_PX  # the outermost lines stay empty, which keeps the bent edge smooth
    right = [
        (width / 2 + wide - margin, min(max(y - top, margin), height - margin))
        for y, wide in _outline(rings)
    ]
    left = [(width - x, y) for x, y in reversed(right)]
    mask = Image.new("L", (width * _FINER, height * _FINER))
    corners = [(x * _FINER, y * _FINER) for x, y in (*right, *left)]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    return mask.reduce(_FINER)
