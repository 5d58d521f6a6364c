"""ThumbHash: a blurred preview of a picture in about 25 bytes.

The format is Evan Wallace's (MIT licence, https://evanw.github.io/thumbhash/): the lowest
frequencies of lightness, of two colour differences and of alpha, at four bits each; this is
written after his description and gives his bytes. It must not know Pillow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tasks.imaging.cosine import Plane, spectrum

MAX_SIDE_PX = 100  # by the format; more pixels change nothing that so few waves can show
FEWEST_WAVES = 3
COLOUR_WAVES = 3  # along either side, for the colour differences
ALPHA_WAVES = 5
_NOISE = 1e-9  # what rounding leaves of a frequency that is not there
_SHARES = tuple(level / 255 for level in range(256))  # of full light, by level


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
    has_alpha = min(rgba[3::4]) < 255
    most = most_waves(has_alpha=has_alpha)
    across, down = (max(1, _rounded(most * side / longest)) for side in (width, height))
    lightness, yellow, red, alpha = (_rows(plane, width) for plane in _planes(rgba))
    channels = [
        _channel(lightness, max(FEWEST_WAVES, across), max(FEWEST_WAVES, down)),
        _channel(yellow, COLOUR_WAVES, COLOUR_WAVES),
        _channel(red, COLOUR_WAVES, COLOUR_WAVES),
    ]
    if has_alpha:
        channels.append(_channel(alpha, ALPHA_WAVES, ALPHA_WAVES))
    is_landscape = width > height
    shape = (down if is_landscape else across) | is_landscape << 15
    return _header(channels, shape) + _nibbles(channels)


def most_waves(*, has_alpha: bool) -> int:
    """Return how many waves of lightness lie along the longer side."""
    return 5 if has_alpha else 7


def triangle(across: int, down: int) -> Iterator[tuple[int, int]]:
    """Yield the waves that are kept, as (across, down), in the order of the format.

    They are those under the diagonal, without the first, which is the mean.
    """
    for y in range(down):
        x = 0 if y else 1
        while x * down < across * (down - y):
            yield x, y
            x += 1


def _planes(rgba: bytes) -> tuple[list[float], list[float], list[float], list[float]]:
    """Split pixels into lightness, yellow minus blue, red minus green, and alpha; from 0 to 1.

    What shows through transparency is the mean colour, which no wave has to pay for.
    """
    alpha = [_SHARES[level] for level in rgba[3::4]]
    levels = ([_SHARES[level] for level in rgba[offset::4]] for offset in range(3))
    seen = levels if min(alpha) == 1.0 else [_filled(each, alpha) for each in levels]
    colours = list(zip(*seen, strict=True))
    lightness = [(red + green + blue) / 3 for red, green, blue in colours]
    yellow = [(red + green) / 2 - blue for red, green, blue in colours]
    return lightness, yellow, [red - green for red, green, _ in colours], alpha


def _filled(levels: Sequence[float], alpha: Sequence[float]) -> list[float]:
    """Return the levels of one colour with their mean behind what is transparent."""
    laid = [level * share for level, share in zip(levels, alpha, strict=True)]
    mean = sum(laid) / (sum(alpha) or 1.0)
    return [level + mean * (1 - share) for level, share in zip(laid, alpha, strict=True)]


def _rows(plane: Sequence[float], width: int) -> Plane:
    return [plane[start : start + width] for start in range(0, len(plane), width)]


def _channel(plane: Plane, across: int, down: int) -> _Channel:
    found = spectrum(plane, across, down)
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


def _nibbles(channels: Sequence[_Channel]) -> bytes:
    """Write all shares in four bits each, the lower half of a byte first."""
    levels = [_rounded(15 * share) for channel in channels for share in channel.shares]
    if len(levels) % 2:
        levels.append(0)
    return bytes(low | high << 4 for low, high in zip(levels[::2], levels[1::2], strict=True))


def _rounded(value: float) -> int:
    """Round a positive number, halves up; what is a half but for the noise counts as one."""
    return int(value + 0.5 + _NOISE)
