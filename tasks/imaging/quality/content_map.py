"""Find what in an image is something, and what is a studio's ground, or nothing at all.

What happens to a ground is no loss, so qualities are chosen by what stands on it. The box is that
of `tests/benchmarks/picture/scoring.py`, which judges the choice. It must not know encoders.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil

from PIL import Image, ImageChops

Bounds = tuple[int, int, int, int]  # left, top, right and bottom, in pixels
Colour = tuple[int, int, int]

_CELL_PX = 6  # of so many pixels across and down the mean is looked at: grain is averaged away …
_STEP_PX = 3  # … of one pixel in so many either way: finer lines may be missed
_THERE = 16  # of 255: cells of less opacity show nothing
_BRIGHT = 240  # four corners of this level or more are a studio's ground …
_SHADOW = 10  # … and so is what differs from it by no more than this: shadows that run out
_FLAT = 3  # levels: what an encoder does to a plain colour
_CORNER_PX = 16
_CORNERS = 2  # so many corners of one plain colour make it a ground: products touch an edge


@dataclass(frozen=True, slots=True)
class Content:
    """Where in an image something stands: `box` is around all of it, exact to about 6 pixels.

    Around it lies ground; between things, or in a thing's crooks, there may be more.
    """

    box: Bounds
    _cells: Image.Image | None = None  # black where nothing but ground is; None if that is nowhere

    def share(self, part: Bounds) -> float:
        """Return how much of a part of the image is no ground, 0 to 1."""
        if self._cells is None:
            return 1.0
        left, top, right, bottom = part
        cells = (left // _CELL_PX, top // _CELL_PX, ceil(right / _CELL_PX), ceil(bottom / _CELL_PX))
        levels = self._cells.crop(cells).tobytes()
        return 1 - levels.count(0) / len(levels)


def content(picture: Image.Image) -> Content:
    """Return where an image L, RGB or RGBA shows something: all of it, if it has no ground."""
    if picture.mode == "RGBA":
        cells = _cells(picture.getchannel("A")).point(_from(_THERE))
    else:
        colours = _cells(picture).convert("RGB")
        ground, tolerance = _ground(picture, colours)
        if ground is None:
            return Content((0, 0, *picture.size))
        cells = _differing(colours, ground, tolerance)
    found = cells.getbbox()
    if found is None:
        return Content((0, 0, *picture.size))
    left, top, right, bottom = (edge * _CELL_PX for edge in found)
    return Content((left, top, min(picture.width, right), min(picture.height, bottom)), cells)


def _ground(picture: Image.Image, cells: Image.Image) -> tuple[Colour | None, int]:
    """Return the colour of a studio's ground or a plain one, and what differs from it unseen."""
    found = (cells.crop(corner).tobytes() for corner in _corners(cells.size, 1))
    corners = [(red, green, blue) for red, green, blue in found]
    if min(map(min, corners)) >= _BRIGHT:
        return sorted(corners, key=sum)[1], _SHADOW
    parts = [picture.crop(place).convert("RGB") for place in _corners(picture.size, _CORNER_PX)]
    for colour in corners:
        plain = sum(
            max(abs(a - b) for a, b in zip(colour, other, strict=True)) <= _FLAT
            and _differing(part, colour, _FLAT).getbbox() is None
            for other, part in zip(corners, parts, strict=True)
        )
        if plain >= _CORNERS:
            return colour, _FLAT
    return None, _FLAT


def _cells(picture: Image.Image) -> Image.Image:
    few = (ceil(picture.width / _STEP_PX), ceil(picture.height / _STEP_PX))
    return picture.resize(few, Image.Resampling.NEAREST).reduce(_CELL_PX // _STEP_PX)


def _corners(size: tuple[int, int], side: int) -> list[Bounds]:
    width, height = size
    starts = product((0, max(0, width - side)), (0, max(0, height - side)))
    return [(left, top, min(width, left + side), min(height, top + side)) for left, top in starts]


def _differing(picture: Image.Image, colour: Colour, tolerance: int) -> Image.Image:
    """Return a mask of an image RGB, black where it has a colour, by this many levels at most."""
    difference = ImageChops.difference(picture, Image.new("RGB", picture.size, colour))
    red, green, blue = difference.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point(_from(tolerance + 1))


@lru_cache
def _from(least: int) -> list[int]:
    return [255 if level >= least else 0 for level in range(256)]
