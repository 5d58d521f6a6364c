"""The colour that a shopper would name the product by.

Most product images are shot on white, so the most frequent colour is usually that of nothing.
It must not know where the colour is shown.
"""

from collections import Counter

import numpy as np
import numpy.typing as npt
from PIL import Image

Colour = tuple[int, int, int]
Levels = npt.NDArray[np.uint8]  # the last axis: red, green, blue, perhaps opacity

_SIDE_PX = 48  # each pixel is then a patch's mean, which hides grain and print
_VISIBLE = 128  # of 255: more opaque than not
_NEUTRAL = 20  # levels between the channels of a studio's ground: white, grey or black
_UNIFORM_SHARE = 0.6  # of the border, to be a ground: products are cropped at a side or two
_NEAR = 18  # levels per channel: paper's own unevenness and an encoder's rounding
_LEAST_SHARE = 0.002  # of all pixels: a smaller product is dirt on the paper
_COLOURS = 8
_LIVELY = 3.0  # times a grey's weight that a fully vivid colour of the same area has


def dominant_colour(image: Image.Image) -> Colour:
    """Return the most telling colour of an image; white for one of which nothing is visible."""
    small = image.convert("RGBA")
    small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    pixels = np.asarray(small)
    visible = pixels[pixels[..., 3] >= _VISIBLE, :3]
    if not visible.size:
        return (255, 255, 255)
    ground = _ground(pixels)
    product = visible if ground is None else visible[~_alike(visible, ground)]
    enough = len(product) >= _LEAST_SHARE * small.width * small.height
    colours = product if enough else visible
    row = Image.frombytes("RGB", (len(colours), 1), colours.tobytes())
    grouped = row.quantize(_COLOURS, Image.Quantize.MEDIANCUT).convert("RGB").tobytes()
    groups = Counter(zip(grouped[::3], grouped[1::3], grouped[2::3], strict=True))

    def weight(colour: Colour) -> tuple[float, Colour]:
        return groups[colour] * (1 + (_LIVELY - 1) * _chroma(colour) / 255), colour

    return max(groups, key=weight)


def _ground(pixels: Levels) -> Colour | None:
    """Return the colour of a neutral, even background, or None where there is none."""
    border = np.concatenate((pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]))
    border = border[border[:, 3] > 0, :3]
    if not border.size:
        return None
    red, green, blue = (round(float(level)) for level in np.median(border, axis=0))
    colour = (red, green, blue)
    is_even = np.count_nonzero(_alike(border, colour)) >= _UNIFORM_SHARE * len(border)
    return colour if is_even and _chroma(colour) <= _NEUTRAL else None


def _chroma(colour: Colour) -> int:
    return max(colour) - min(colour)


def _alike(colours: Levels, other: Colour) -> npt.NDArray[np.bool_]:
    near: npt.NDArray[np.bool_] = np.abs(colours.astype(np.int16) - other).max(-1) <= _NEAR
    return near
