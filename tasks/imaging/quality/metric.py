"""How much an encoded image still looks like the original, on SSIMULACRA2's scale.

SSIMULACRA2 compares two images in a space of seen lightness and colour, at six scales, and adds
up what differs. Nearly all that it finds in photographs is of these, which are what is compared
here, with its formulas and its order: light is mixed, then halved, then seen.

- lightness at four scales: structural similarity in windows of its size (a Gaussian of 1.5 pixels,
  at every other pixel), by its mean and by its fourth-power mean, which the worst places decide;
- contrast of lightness that is gone at the finest scale;
- redness at a quarter of the size, in the same way, and how far blueness is off at an eighth.

The weights of the sum were fitted per format to SSIMULACRA2 itself; calibration.py holds them and
says on what. 100 is the original, 90 cannot be told from it, 70 is good. It must not know files.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from tasks.imaging.quality.sampling import SEAM_PX, Sample

Plane = npt.NDArray[np.float32]  # rows by columns by tiles
Light = tuple[Plane, Plane, Plane]  # red, green and blue

_STEADY: Final = np.float32(0.0009)  # SSIMULACRA2's constant: differences below it are not seen
_BLACK: Final = 0.0037930733  # what a resting eye sees, in its colour space
_REDDER: Final = np.float32(7)  # half of the factor that its redness is multiplied by
_POINTS: Final = 10.0
_POWER: Final = 0.6276336467831387  # of SSIMULACRA2's last step: from a sum of damages to points
_ORDERS_KEPT: Final = 8  # half a megabyte each: samples of photographs are of few sizes
_STEPS: Final = 16_384  # of light, from black to white, in the table of how bright they seem

# How the eye's cones mix red, green and blue light: those for long, middle and short waves.
_LONG: Final = (0.30, 0.622, 0.078)
_MIDDLE: Final = (0.23, 0.692, 0.078)
_SHORT: Final = (0.24342269, 0.20476745, 0.55180986)
_LIGHTNESS: Final = (0.265, 0.657, 0.078)  # the mean of the first two, mixed before it is seen

_LEVELS: Final = np.arange(256) / 255
# The light that each sRGB level stands for, 0 to 1.
_LIGHT: Final[Plane] = np.where(
    _LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4
).astype(np.float32)
# How bright each step of light seems: twice as bright takes about eight times.
_BRIGHTNESS: Final[Plane] = (
    np.cbrt(np.arange(_STEPS + 2) / _STEPS + _BLACK) - np.cbrt(_BLACK)
).astype(np.float32)
_WITHIN: Final = "wrap"  # no step is outside of these tables; not to check takes a fourth less CPU


@dataclass(frozen=True, slots=True)
class _Seen:
    """A plane of the original, with the mean and the variance of each window."""

    plane: Plane
    mean: Plane
    variance: Plane

    @classmethod
    def of(cls, plane: Plane) -> "_Seen":
        mean = _window(plane)
        return cls(plane, mean, _window(plane * plane) - mean * mean)


class SimilarityMetric:
    """Compares encodings of one sample with it; what depends on the original is computed once."""

    def __init__(self, original: Sample) -> None:
        self._order = _order(original.picture.size, original.side_px)
        structures, self._blueness = self._look(original.picture)
        self._structures = [_Seen.of(plane) for plane in structures]
        finest = self._structures[0]
        self._contrast = 1 + _contrast(finest.plane, finest.mean)

    def damages(self, encoded: Image.Image) -> tuple[float, ...]:
        """Return the damages in the order of the weights (calibration.py)."""
        structures, blueness = self._look(encoded)
        found: list[float] = []
        for plane, original in zip(structures, self._structures, strict=True):
            mean = _window(plane)
            found += _norms(_damage(plane, mean, original))
            if original is self._structures[0]:
                kept = (1 + _contrast(plane, mean)) / self._contrast
                found.append(_worst(np.maximum(1 - kept, 0)))
        return (*found, *_norms(np.abs(blueness - self._blueness)))

    def score(self, encoded: Image.Image, weights: tuple[float, ...]) -> float:
        """Return the similarity, at most 100; `weights` has one for each of the damages."""
        total = sum(w * d for w, d in zip(weights, self.damages(encoded), strict=True))
        return float(100.0 - _POINTS * total**_POWER)

    def _look(self, picture: Image.Image) -> tuple[tuple[Plane, ...], Plane]:
        """Return what is compared: structures by their similarity, blueness by itself."""
        red, green, blue = (  # without the tiles' seams
            np.take(_LIGHT, np.take(np.asarray(band), self._order), mode=_WITHIN)
            for band in picture.convert("RGB").split()
        )
        light: Light = (red, green, blue)
        finest = _bright(light, _LIGHTNESS)
        light = _halved(light)
        finer = _bright(light, _LIGHTNESS)
        light = _halved(light)
        long, middle = _bright(light, _LONG), _bright(light, _MIDDLE)
        light = _halved(light)
        coarsest = _bright(light, _LIGHTNESS)
        lightness, redness = (long + middle) * np.float32(0.5), (long - middle) * _REDDER
        # Few pixels are left: each twice, either way, so that windows lie around each.
        larger = coarsest.repeat(2, 0).repeat(2, 1)
        return (finest, finer, lightness, redness, larger), _bright(light, _SHORT) - coarsest


@lru_cache(maxsize=_ORDERS_KEPT)
def _order(size: tuple[int, int], side_px: int | None) -> npt.NDArray[np.intp]:
    """Return where in a sample each pixel lies that is compared: rows by columns by tiles.

    Tiles come last: what is done to neighbouring rows and columns then runs over long stretches.
    """
    width, height = size
    down, across = side_px or height, side_px or width
    places = np.arange(width * height).reshape(height // down, down, width // across, across)
    if side_px is not None:
        places = places[:, SEAM_PX:-SEAM_PX, :, SEAM_PX:-SEAM_PX]
    return places.transpose(1, 3, 0, 2).reshape(*places.shape[1::2], -1)


def _bright(light: Light, shares: tuple[float, float, float]) -> Plane:
    """Return how bright a mixture of light seems."""
    red, green, blue = light
    of_red, of_green, of_blue = (np.float32(share * _STEPS) for share in shares)
    mixed = red * of_red
    mixed += green * of_green
    mixed += blue * of_blue
    mixed += np.float32(0.5)
    seen: Plane = np.take(_BRIGHTNESS, mixed.astype(np.uint16), mode=_WITHIN)
    return seen


def _damage(plane: Plane, mean: Plane, original: _Seen) -> Plane:
    """Return what differs, from structural similarity without its luminance term."""
    variance = _window(plane * plane) - mean * mean
    covariance = _window(plane * original.plane) - mean * original.mean
    shift = mean - original.mean
    alike = (1 - shift * shift) * (2 * covariance + _STEADY)
    damage: Plane = np.maximum(1 - alike / (variance + original.variance + _STEADY), 0)
    return damage


def _contrast(plane: Plane, mean: Plane) -> Plane:
    """Return how far pixels in the middle of a window are from its mean: one of each four."""
    middle: Plane = np.abs(plane[2:-2:2, 2:-2:2] - mean)
    return middle


def _norms(damage: Plane) -> tuple[float, float]:
    """Return the mean, and the mean that the worst places decide."""
    return float(damage.mean()), _worst(damage)


def _worst(damage: Plane) -> float:
    """Return the fourth-power mean."""
    squared = damage * damage
    return float(np.sqrt(np.sqrt((squared * squared).mean())))


def _half(plane: Plane) -> Plane:
    """Return means of two by two pixels; an odd row or column at the end is left out."""
    rows = plane[:-1:2] + plane[1::2]
    halved: Plane = rows[:, :-1:2] + rows[:, 1::2]
    halved *= np.float32(0.25)
    return halved


def _halved(light: Light) -> Light:
    red, green, blue = light
    return _half(red), _half(green), _half(blue)


def _window(plane: Plane) -> Plane:
    """Return weighted means around every other pixel; their variance is a Gaussian's of 1.5."""
    halved = _half(plane)
    rows = halved[:-2] + halved[2:]
    rows += 2 * halved[1:-1]
    smooth: Plane = rows[:, :-2] + rows[:, 2:]
    smooth += 2 * rows[:, 1:-1]
    smooth *= np.float32(1 / 16)
    return smooth
