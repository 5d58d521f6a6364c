"""How much an encoded picture still looks like the original, on SSIMULACRA2's scale.

SSIMULACRA2 compares two pictures in a space of seen lightness and colour, at six scales, and adds
up what differs. Most of what it finds in photographs comes from the lightness at the three finest
scales and from coarse blueness, so that is what is compared here: structural similarity of
lightness in windows of its size (a Gaussian of 1.5 pixels, at every other pixel), its mean and its
fourth-power mean, which the worst places decide; contrast that is gone; and blueness in blocks of
eight pixels. Redness and the coarser scales got no weight in the fit.

The weights of the sum were fitted per format to SSIMULACRA2 itself; calibration.py holds them and
says on what. 100 is the original, 90 cannot be told from it, 70 is good. It must not know files.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from tasks.imaging.tiles import SEAM_PX, Sample

Plane = npt.NDArray[np.float32]

SCALES: Final = 3
_STEADY: Final = np.float32(0.0009)  # SSIMULACRA2's constant: differences below it are not seen
_BLACK: Final = np.float32(0.0037930733)  # what a resting eye sees, in its colour space
_POINTS: Final = 10.0
_POWER: Final = 0.6276336467831387  # of SSIMULACRA2's last step: from a sum of damages to points
_LEVELS: Final = 255

# How the eye's cones mix red, green and blue light: those that see lightness, and those for blue.
_LONG_AND_MIDDLE: Final = np.array((0.265, 0.657, 0.078), np.float32)
_SHORT: Final = np.array((0.24342269, 0.20476745, 0.55180986), np.float32)


def _light() -> Plane:
    """Return the light that each of the 256 sRGB levels stands for, 0 to 1."""
    level = np.arange(_LEVELS + 1) / _LEVELS
    light: Plane = np.where(
        level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4
    ).astype(np.float32)
    return light


_LIGHT: Final = _light()


class Likeness:
    """Compares encodings of one sample with it; what depends on the original is computed once."""

    def __init__(self, original: Sample) -> None:
        self._side_px = original.side_px
        lightness, blueness = self._planes(original.picture)
        self._scales: list[tuple[Plane, Plane, Plane]] = []
        for _ in range(SCALES):
            mean = _window(lightness)
            self._scales.append((lightness, mean, _window(lightness * lightness) - mean * mean))
            lightness = _half(lightness)
        self._blueness = blueness

    def damages(self, encoded: Image.Image) -> tuple[float, ...]:
        """Return three damages of lightness per scale, the finest first, then two of blueness."""
        lightness, blueness = self._planes(encoded)
        found: list[float] = []
        for original in self._scales:
            found += _damages(lightness, original)
            lightness = _half(lightness)
        return (*found, *_norms(np.abs(blueness - self._blueness)))

    def score(self, encoded: Image.Image, weights: tuple[float, ...]) -> float:
        """Return the likeness, at most 100; `weights` has one for each of the damages."""
        total = sum(w * d for w, d in zip(weights, self.damages(encoded), strict=True))
        return float(100.0 - _POINTS * total**_POWER)

    def _planes(self, picture: Image.Image) -> tuple[Plane, Plane]:
        """Return lightness, and blueness at an eighth; each is tiles by rows by columns."""
        values = np.asarray(picture.convert("RGB"))
        height, width, _ = values.shape
        down, across = self._side_px or height, self._side_px or width
        tiles = values.reshape(height // down, down, width // across, across, 3).swapaxes(1, 2)
        if self._side_px is not None:
            tiles = tiles[:, :, SEAM_PX:-SEAM_PX, SEAM_PX:-SEAM_PX]
        light = _LIGHT[tiles.reshape(-1, *tiles.shape[2:])]
        red, green, blue = light[..., 0], light[..., 1], light[..., 2]
        lightness = _seen(_mixed((red, green, blue), _LONG_AND_MIDDLE))
        coarse = (_eighth(red), _eighth(green), _eighth(blue))
        blueness = _seen(_mixed(coarse, _SHORT)) - _seen(_mixed(coarse, _LONG_AND_MIDDLE))
        return lightness, blueness


def _mixed(light: tuple[Plane, Plane, Plane], shares: Plane) -> Plane:
    red, green, blue = light
    mixed: Plane = red * shares[0] + green * shares[1] + blue * shares[2]
    return mixed


def _seen(light: Plane) -> Plane:
    """Return how bright light seems: twice as bright takes about eight times the light."""
    seen: Plane = np.cbrt(light + _BLACK) - np.cbrt(_BLACK)
    return seen


def _damages(lightness: Plane, original: tuple[Plane, Plane, Plane]) -> tuple[float, ...]:
    """Return what differs at one scale, from structural similarity without its luminance term."""
    theirs, their_mean, their_variance = original
    mean = _window(lightness)
    variance = _window(lightness * lightness) - mean * mean
    covariance = _window(lightness * theirs) - mean * their_mean
    shift = mean - their_mean
    alike = (1 - shift * shift) * (2 * covariance + _STEADY)
    damage = np.maximum(1 - alike / (variance + their_variance + _STEADY), 0)
    lost = np.maximum(1 - (1 + _contrast(variance)) / (1 + _contrast(their_variance)), 0)
    return *_norms(damage), _worst(lost)


def _contrast(variance: Plane) -> Plane:
    contrast: Plane = np.sqrt(np.maximum(variance, 0))
    return contrast


def _norms(damage: Plane) -> tuple[float, float]:
    """Return the mean, and the mean that the worst places decide."""
    return float(damage.mean()), _worst(damage)


def _worst(damage: Plane) -> float:
    """Return the fourth-power mean."""
    squared = damage * damage
    return float(np.sqrt(np.sqrt((squared * squared).mean())))


def _half(plane: Plane) -> Plane:
    """Return means of two by two pixels."""
    rows = plane[..., ::2, :] + plane[..., 1::2, :]
    halved: Plane = (rows[..., ::2] + rows[..., 1::2]) * np.float32(0.25)
    return halved


def _eighth(plane: Plane) -> Plane:
    return _half(_half(_half(plane)))


def _window(plane: Plane) -> Plane:
    """Return weighted means around every other pixel; their variance is a Gaussian's of 1.5."""
    halved = _half(plane)
    rows = halved[..., :-2, :] + 2 * halved[..., 1:-1, :] + halved[..., 2:, :]
    smooth: Plane = (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) * np.float32(1 / 16)
    return smooth
