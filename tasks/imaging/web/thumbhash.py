"""ThumbHash: a blurred preview of an image in about 25 bytes.

The format is Evan Wallace's (MIT licence, https://evanw.github.io/thumbhash/): the lowest
frequencies of lightness, of two colour differences and of alpha, at four bits each; this is
written after his description and gives his bytes. It must not know Pillow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from tasks.imaging.web.dct import Plane, spectrum
from tasks.imaging.web.thumbhash_waves import (
    ALPHA_WAVES,
    COLOUR_WAVES,
    FEWEST_WAVES,
    most_waves,
    triangle,
)

MAX_SIDE_PX = 100  # by the format; more pixels change nothing that so few waves can show
_NOISE = 1e-9  # what rounding leaves of a frequency that is not there


@dataclass(frozen=True, slots=True)
class _Channel:
    """A plane's mean, the amplitude of its strongest wave, and every wave as a share of that."""

    mean: float
    scale: float
    shares: tuple[float, ...]  # from 0 to 1; a half is none


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """Return the hash of straight (not premultiplied) RGBA pixels, row by row."""
    longest = max(width, height)
    if longest > MAX_SIDE_PX:
        raise ValueError(f"a ThumbHash is made of at most {MAX_SIDE_PX} pixels a side")
    pixels = np.frombuffer(rgba, np.uint8).reshape(height, width, 4) / 255
    alpha = pixels[..., 3]
    has_alpha = bool(alpha.min() < 1)
    most = most_waves(has_alpha=has_alpha)
    across, down = (max(1, _rounded(most * side / longest)) for side in (width, height))
    lightness, yellow, red = _planes(pixels[..., :3], alpha)
    channels = [
        _channel(lightness, max(FEWEST_WAVES, across), max(FEWEST_WAVES, down)),
        _channel(yellow, COLOUR_WAVES, COLOUR_WAVES),
        _channel(red, COLOUR_WAVES, COLOUR_WAVES),
    ]
    if has_alpha:
        channels.append(_channel(alpha, ALPHA_WAVES, ALPHA_WAVES))
    is_landscape = width > height
    shape = (down if is_landscape else across) | is_landscape << 15
    levels = [_rounded(15 * share) for channel in channels for share in channel.shares]
    pairs = zip_longest(levels[::2], levels[1::2], fillvalue=0)  # the lower half of a byte first
    return _header(channels, shape) + bytes(low | high << 4 for low, high in pairs)


def _planes(colours: npt.NDArray[np.float64], alpha: Plane) -> tuple[Plane, Plane, Plane]:
    """Return lightness, yellow minus blue, and red minus green; from 0 to 1.

    What shows through transparency is the mean colour, which no wave has to pay for.
    """
    share = alpha[..., np.newaxis]
    laid = colours * share
    mean = laid.sum((0, 1)) / (alpha.sum() or 1.0)
    red, green, blue = np.moveaxis(laid + mean * (1 - share), -1, 0)
    return (red + green + blue) / 3, (red + green) / 2 - blue, red - green


def _channel(plane: Plane, across: int, down: int) -> _Channel:
    found = spectrum(plane, across, down).tolist()
    waves = [found[y][x] for x, y in triangle(across, down)]
    scale = max(abs(wave) for wave in waves)
    if scale < _NOISE:
        return _Channel(found[0][0], 0.0, (0.0,) * len(waves))
    return _Channel(found[0][0], scale, tuple(0.5 + 0.5 / scale * wave for wave in waves))


def _header(channels: Sequence[_Channel], shape: int) -> bytes:
    """Write means and scales; `shape` says how many waves lie along the shorter side."""
    lightness, yellow, red, *alpha = channels
    first = (
        _rounded(63 * lightness.mean)
        | _rounded(31.5 + 31.5 * yellow.mean) << 6
        | _rounded(31.5 + 31.5 * red.mean) << 12
        | _rounded(31 * lightness.scale) << 18
        | bool(alpha) << 23
    )
    second = shape | _rounded(63 * yellow.scale) << 3 | _rounded(63 * red.scale) << 9
    third = [_rounded(15 * each.mean) | _rounded(15 * each.scale) << 4 for each in alpha]
    return first.to_bytes(3, "little") + second.to_bytes(2, "little") + bytes(third)


def _rounded(value: float) -> int:
    """Round a positive number, halves up; what is a half but for the noise counts as one."""
    return int(value + 0.5 + _NOISE)
