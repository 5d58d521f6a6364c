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
    cells = _visible(picture) if picture.mode == "RGBA" else _standing_out(picture)
    found = None if cells is None else cells.getbbox()
    if found is None:
        return Content((0, 0, *picture.size))
    left, top, right, bottom = (edge * _CELL_PX for edge in found)
    return Content((left, top, min(picture.width, right), min(picture.height, bottom)), cells)


def _visible(picture: Image.Image) -> Image.Image:
    """Return cells that are black where the image is transparent."""
    return _cells(picture.getchannel("A")).point(_from(_THERE))


def _standing_out(picture: Image.Image) -> Image.Image | None:
    """Return cells that are black where there is ground; None of an image without one."""
    cells = _cells(picture).convert("RGB")
    corners = _corner_colours(cells)
    ground, tolerance = _bright_ground(corners), _SHADOW
    if ground is None:
        ground, tolerance = _flat_ground(picture, corners), _FLAT
    if ground is None:
        return None
    return _differing(cells, ground, tolerance)


def _bright_ground(corners: list[Colour]) -> Colour | None:
    is_bright = min(map(min, corners)) >= _BRIGHT
    return sorted(corners, key=sum)[1] if is_bright else None


def _flat_ground(picture: Image.Image, corners: list[Colour]) -> Colour | None:
    """Return the plain colour that corners share."""
    places = _corners(picture.size, _CORNER_PX)
    for colour in corners:
        alike = [
            place for other, place in zip(corners, places, strict=True) if _are_alike(colour, other)
        ]
        if len(alike) >= _CORNERS:
            normalize_mode = sum(_is_plain(picture.crop(place), colour) for place in alike)
            if normalize_mode >= _CORNERS:
                return colour
    return None


def _corner_colours(cells: Image.Image) -> list[Colour]:
    found = (cells.crop(corner).tobytes() for corner in _corners(cells.size, 1))
    return [(red, green, blue) for red, green, blue in found]


def _cells(picture: Image.Image) -> Image.Image:
    few = (ceil(picture.width / _STEP_PX), ceil(picture.height / _STEP_PX))
    return picture.resize(few, Image.Resampling.NEAREST).reduce(_CELL_PX // _STEP_PX)


def _corners(size: tuple[int, int], side: int) -> list[Bounds]:
    width, height = size
    starts = product((0, max(0, width - side)), (0, max(0, height - side)))
    return [(left, top, min(width, left + side), min(height, top + side)) for left, top in starts]


def _is_plain(part: Image.Image, colour: Colour) -> bool:
    return _differing(part.convert("RGB"), colour, _FLAT).getbbox() is None


def _differing(picture: Image.Image, colour: Colour, tolerance: int) -> Image.Image:
    """Return a mask of an image RGB, black where it has a colour, by this many levels at most."""
    difference = ImageChops.difference(picture, Image.new("RGB", picture.size, colour))
    red, green, blue = difference.split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return most.point(_from(tolerance + 1))


def _are_alike(one: Colour, other: Colour) -> bool:
    return all(abs(a - b) <= _FLAT for a, b in zip(one, other, strict=True))


@lru_cache
def _from(least: int) -> list[int]:
    return [255 if level >= least else 0 for level in range(256)]
