"""A perceptual hash: 64 bits that stay nearly the same while an image is resized or recompressed.

It is the common pHash: the lowest 8 x 8 frequencies of the lightness of 32 x 32 pixels, each a bit
that says whether it lies above their median. ImageHash (Johannes Buchner, BSD licence) gives the
same digits. It must not know where images are compared.
"""

from statistics import median

import numpy as np
from PIL import Image

from tasks.imaging.web.dct import spectrum

_SIDE_PX = 32
_WAVES = 8
_DECIMALS = 6  # below lies rounding: in an image of one colour, no wave is above another
_DIGITS = _WAVES * _WAVES // 4


def phash(image: Image.Image) -> str:
    """Return 16 hexadecimal digits; `image` is L or RGB."""
    small = image.convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
    levels = np.asarray(small, np.float64)
    waves = np.round(spectrum(levels, _WAVES, _WAVES), _DECIMALS).ravel().tolist()
    middle = median(waves)
    bits = "".join("1" if wave > middle else "0" for wave in waves)
    return f"{int(bits, 2):0{_DIGITS}x}"


def differing_bits(one: str, other: str) -> int:
    """Return the Hamming distance of two hashes: under about 10 of 64, images look alike."""
    return (int(one, 16) ^ int(other, 16)).bit_count()
