"""Cut a uniform border off, keeping a margin of it.

It is done once, before sizes are planned. It must not know formats, nor the rest of a preset.
"""

from bisect import bisect_left
from functools import reduce
from itertools import accumulate

from PIL import Image, ImageChops

from tasks.imaging.presets.model import Trim

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom; the last two lie outside

# Averaging some pixels before judging takes out a camera's and JPEG's noise, not fine lines.
_MOST_AVERAGED = 4
_JUDGED_SIDE_PX = 500
_SPECK = 0.05  # of the picture's longer side: what is smaller is no product but dust


def trim(image: Image.Image, how: Trim) -> Image.Image:
    """Return the image without its uniform border; one that has none is unchanged.

    Transparent pixels are a border, too. Nothing is cut off that the border's colour does not
    surround on at least two opposite sides, so that a plain sky is left where it is.
    """
    kept = kept_part(image, how)
    return image if kept == (0, 0, *image.size) else image.crop(kept)


def kept_part(image: Image.Image, how: Trim) -> Rectangle:
    """Return what of the image is no border, with its margin."""
    content = _content(image, how.tolerance)
    if content is None:
        return 0, 0, *image.size
    left, top, right, bottom = content
    longest = max(right - left, bottom - top)
    is_bordered = (left > 0 and right < image.width) or (top > 0 and bottom < image.height)
    if not is_bordered or longest < _SPECK * max(image.size):
        return 0, 0, *image.size
    more = round(how.margin * longest)
    return (
        max(left - more, 0),
        max(top - more, 0),
        min(right + more, image.width),
        min(bottom + more, image.height),
    )


def _content(image: Image.Image, tolerance: int) -> Rectangle | None:
    """Return the rectangle of all pixels that differ from the border, None where none does."""
    step = max(1, min(_MOST_AVERAGED, max(image.size) // _JUDGED_SIDE_PX))
    visible = image.convert("RGBa") if image.mode == "RGBA" else image
    difference = reduce(ImageChops.lighter, map(_distance, visible.reduce(step).split()))
    found = difference.point(lambda level: 255 if level > tolerance else 0).getbbox()
    if found is None:
        return None
    left, top, right, bottom = (edge * step for edge in found)
    return left, top, min(right, image.width), min(bottom, image.height)


def _distance(band: Image.Image) -> Image.Image:
    """Return how far each pixel is from the median of the outermost ones."""
    width, height = band.size
    rows = ((0, 0, width, 1), (0, height - 1, width, height))
    columns = ((0, 0, 1, height), (width - 1, 0, width, height))
    histograms = (band.crop(edge).histogram() for edge in (*rows, *columns))
    passed = [*accumulate(sum(counts) for counts in zip(*histograms, strict=True))]
    usual = bisect_left(passed, passed[-1] / 2)
    return band.point(lambda level: abs(level - usual))
