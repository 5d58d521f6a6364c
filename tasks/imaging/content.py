"""Find where in a picture something is: around it lies a studio's ground, or nothing at all.

What happens to a ground is no loss, so qualities are chosen by what stands on it. The box is that
of `tests/benchmarks/scoring.py`, which judges the choice. It must not know encoders.
"""

from math import ceil

from PIL import Image, ImageChops

Bounds = tuple[int, int, int, int]  # left, top, right and bottom, in pixels

_STEP_PX = 4  # of so many pixels one is looked at, across and down …
_AT_ONCE = 2  # … and four of them as one: grain and dust are averaged away
_THERE = 16  # of 255: a pixel of less opacity shows nothing
_BRIGHT = 240  # corners of this lightness or more are a studio's ground …
_GROUND = 10  # … and so is what differs from it by no more than this: shadows that run out


def content_box(picture: Image.Image) -> Bounds:
    """Return the box around what is shown, of a picture L, RGB or RGBA; all of it without ground.

    It is exact to about 8 pixels, and rather too large than too small.
    """
    few = (max(1, picture.width // _STEP_PX), max(1, picture.height // _STEP_PX))
    small = picture.resize(few, Image.Resampling.NEAREST).reduce(_AT_ONCE)
    found = _visible(small) if picture.mode == "RGBA" else _standing_out(small)
    if found is None:
        return (0, 0, *picture.size)
    across, down = (_AT_ONCE * side / count for side, count in zip(picture.size, few, strict=True))
    left, top, right, bottom = found
    ends = (min(picture.width, ceil(right * across)), min(picture.height, ceil(bottom * down)))
    return int(left * across), int(top * down), *ends


def _visible(small: Image.Image) -> Bounds | None:
    """Return the cells that are not transparent."""
    return small.getchannel("A").point(_from(_THERE)).getbbox()


def _standing_out(small: Image.Image) -> Bounds | None:
    """Return the cells that differ from a bright ground; None where the corners are of none."""
    grey = small.convert("L")
    right, bottom = grey.width - 1, grey.height - 1
    corners = [_level(grey, place) for place in ((0, 0), (right, 0), (0, bottom), (right, bottom))]
    if min(corners) < _BRIGHT:
        return None
    ground = Image.new("L", grey.size, sorted(corners)[1])
    return ImageChops.difference(grey, ground).point(_from(_GROUND + 1)).getbbox()


def _level(grey: Image.Image, place: tuple[int, int]) -> int:
    level = grey.getpixel(place)
    return level if isinstance(level, int) else 0


def _from(least: int) -> list[int]:
    return [255 if level >= least else 0 for level in range(256)]
