"""The colour that a shopper would name the product by.

Most product pictures are shot on white, so the most frequent colour is usually that of nothing.
It must not know where the colour is shown.
"""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from PIL import Image

Colour = tuple[int, int, int]

_SIDE_PX = 48  # each pixel is then a patch's mean, which hides grain and print
_VISIBLE = 128  # of 255: more opaque than not
_NEUTRAL = 20  # levels between the channels of a studio's ground: white, grey or black
_UNIFORM_SHARE = 0.6  # of the border, to be a ground: products are cropped at a side or two
_NEAR = 18  # levels per channel: paper's own unevenness and an encoder's rounding
_LEAST_SHARE = 0.002  # of all pixels: a smaller product is dirt on the paper
_COLOURS = 8
_LIVELY = 3.0  # times a grey's weight that a fully vivid colour of the same area has


def dominant_colour(image: Image.Image) -> Colour:
    """Return the most telling colour of a picture; white for one of which nothing is visible."""
    small = image.convert("RGBA")
    small.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    visible = [pixel[:3] for pixel in _pixels(small) if pixel[3] >= _VISIBLE]
    if not visible:
        return (255, 255, 255)
    ground = _ground(small)
    product = [colour for colour in visible if ground is None or not _alike(colour, ground)]
    enough = len(product) >= _LEAST_SHARE * small.width * small.height
    return _most_telling(product if enough else visible)


def _pixels(image: Image.Image) -> list[tuple[int, int, int, int]]:
    levels = image.tobytes()
    return list(zip(levels[::4], levels[1::4], levels[2::4], levels[3::4], strict=True))


def _ground(image: Image.Image) -> Colour | None:
    """Return the colour of a neutral, even background, or None where there is none."""
    width, height = image.size
    sides = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height))
    boxes = (*sides, (width - 1, 0, width, height))
    border = [pixel[:3] for box in boxes for pixel in _pixels(image.crop(box)) if pixel[3]]
    if not border:
        return None
    red, green, blue = (round(median(levels)) for levels in zip(*border, strict=True))
    colour = (red, green, blue)
    alike = sum(_alike(each, colour) for each in border)
    is_ground = _chroma(colour) <= _NEUTRAL and alike >= _UNIFORM_SHARE * len(border)
    return colour if is_ground else None


def _most_telling(colours: Sequence[Colour]) -> Colour:
    """Group the colours and return the group's that covers most, counting vivid ones for more."""
    levels = bytes(level for colour in colours for level in colour)
    row = Image.frombytes("RGB", (len(colours), 1), levels)
    grouped = row.quantize(_COLOURS, Image.Quantize.MEDIANCUT).convert("RGB").tobytes()
    groups = Counter(zip(grouped[::3], grouped[1::3], grouped[2::3], strict=True))
    return max(groups, key=lambda colour: (groups[colour] * _liveliness(colour), colour))


def _liveliness(colour: Colour) -> float:
    return 1 + (_LIVELY - 1) * _chroma(colour) / 255


def _chroma(colour: Colour) -> int:
    return max(colour) - min(colour)


def _alike(one: Colour, other: Colour) -> bool:
    (red, green, blue), (its_red, its_green, its_blue) = one, other
    return (
        abs(red - its_red) <= _NEAR
        and abs(green - its_green) <= _NEAR
        and abs(blue - its_blue) <= _NEAR
    )
