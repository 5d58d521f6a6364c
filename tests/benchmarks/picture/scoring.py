"""SSIMULACRA2 of encoded pictures, on what is worth seeing, and a second measure beside it.

The numbers are those of the PyPI package `ssimulacra2`, whose weights are used here. What depends
on the original alone is computed once, all in 32 bits: a quarter of the CPU, the same to a
hundredth of a point.
"""

from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter1d
from ssimulacra2.ssimulacra2 import (
    kC2,
    kNumScales,
    kOpsinAbsorbanceBias,
    kOpsinAbsorbanceMatrix,
    weights,
)

Plane = npt.NDArray[np.float32]

_GROUND = 10  # levels of 255 from the corner's colour that still are the ground
_BLOCK_PX = 16
_LEAST_PX = 8  # sides of the smallest scale
_SIGMA, _RADIUS = 1.5, 5
_PAGES = ((255, 255, 255), (0, 0, 0))  # what a transparent picture is seen on
_LEVELS = np.arange(256) / 255
_LIGHT = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
_BIAS = np.float32(kOpsinAbsorbanceBias[0])


@dataclass(frozen=True, slots=True)
class _Seen:
    """One channel of one scale."""

    plane: Plane
    mean: Plane
    square: Plane

    @classmethod
    def of(cls, plane: Plane) -> "_Seen":
        return cls(plane, _blurred(plane), _blurred(plane * plane))


class Judge:
    """Scores files of one picture; of a product on white, its box, of a cut-out, the worse page."""

    def __init__(self, original: Image.Image) -> None:
        self._original = original
        self._box = content_box(original)

    def score(self, data: bytes) -> float:
        """Return the SSIMULACRA2 of an encoded file."""
        with Image.open(BytesIO(data)) as opened:
            found = opened.convert("RGBA" if len(self._originals) > 1 else "RGB")
        return min(
            _score(original, _scales(_light(seen)))
            for original, seen in zip(self._originals, self._pages(found), strict=True)
        )

    def contrast_loss(self, data: bytes) -> float:
        """Return what MS-SSIM of sRGB lightness lacks to 1, in thousandths: a second opinion."""
        with Image.open(BytesIO(data)) as opened:
            found = opened.convert("RGBA" if len(self._originals) > 1 else "RGB")
        pairs = zip(self._pages(self._original), self._pages(found), strict=True)
        return max(1000 * (1 - _ms_ssim(ours, theirs)) for ours, theirs in pairs)

    @cached_property
    def _originals(self) -> list[list[list[_Seen]]]:
        return [_scales(_light(page)) for page in self._pages(self._original)]

    def _pages(self, picture: Image.Image) -> list[Image.Image]:
        picture = picture.crop(self._box)
        if self._original.mode != "RGBA":
            return [picture.convert("RGB")]
        pages = [Image.new("RGB", picture.size, ground) for ground in _PAGES]
        for page in pages:
            page.paste(picture, mask=picture)
        return pages


def content_box(picture: Image.Image) -> tuple[int, int, int, int]:
    """Return the box around what is not white ground; all of a picture without one."""
    if picture.mode == "RGBA":
        return picture.getchannel("A").getbbox() or (0, 0, *picture.size)
    levels = np.asarray(picture.convert("RGB"), np.int16)
    corner = levels[2, 2]
    if corner.min() < 240:
        return (0, 0, *picture.size)
    found = np.abs(levels - corner).max(2) > _GROUND
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    if not rows.size:
        return (0, 0, *picture.size)
    left, top = (int(edge) // _BLOCK_PX * _BLOCK_PX for edge in (columns[0], rows[0]))
    return left, top, int(columns[-1]) + 1, int(rows[-1]) + 1


def _light(picture: Image.Image) -> list[Plane]:
    return [_LIGHT[np.asarray(band)] for band in picture.split()]


def _scales(light: list[Plane]) -> list[list[_Seen]]:
    found: list[list[_Seen]] = []
    while len(found) < kNumScales and min(light[0].shape) >= _LEAST_PX:
        found.append([_Seen.of(plane) for plane in _seen(light)])
        light = [_half(plane) for plane in light]
    return found


def _seen(light: list[Plane]) -> tuple[Plane, Plane, Plane]:
    cones = []
    for row in range(3):
        red, green, blue = (
            np.float32(share) for share in kOpsinAbsorbanceMatrix[3 * row : 3 * row + 3]
        )
        mixed = np.maximum(red * light[0] + green * light[1] + blue * light[2] + _BIAS, 0)
        cones.append(np.cbrt(mixed) - np.cbrt(_BIAS))
    redness, lightness = (cones[0] - cones[1]) / 2, (cones[0] + cones[1]) / 2
    return (
        redness * np.float32(14) + np.float32(0.42),
        lightness + np.float32(0.01),
        cones[2] - lightness + np.float32(0.55),
    )


def _half(plane: Plane) -> Plane:
    """Return means of two by two pixels; those of an odd edge stand for themselves."""
    height, width = plane.shape
    padded = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    halved: Plane = padded[::2, ::2] + padded[1::2, ::2] + padded[::2, 1::2] + padded[1::2, 1::2]
    return halved * np.float32(0.25)


def _blurred(plane: Plane) -> Plane:
    down = gaussian_filter1d(plane, _SIGMA, axis=0, mode="reflect", radius=_RADIUS)
    blurred: Plane = gaussian_filter1d(down, _SIGMA, axis=1, mode="constant", radius=_RADIUS)
    return blurred


def _score(original: list[list[_Seen]], found: list[list[_Seen]]) -> float:
    sums = np.zeros((3, len(original), 6))  # by channel and scale, in the order of the weights
    for scale, (ours, theirs) in enumerate(zip(original, found, strict=True)):
        for channel, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            sums[channel, scale] = _sums(one, other)
    total = float(np.dot(weights[: sums.size], sums.ravel())) * 0.9562382616834844
    total = (
        2.326765642916932 * total
        - 0.020884521182843837 * total**2
        + 6.248496625763138e-05 * total**3
    )
    return 100.0 - 10.0 * total**0.6276336467831387 if total > 0 else 100.0


def _sums(one: _Seen, other: _Seen) -> tuple[float, ...]:
    both = _blurred(one.plane * other.plane)
    alike = (1 - (one.mean - other.mean) ** 2) * (2 * (both - one.mean * other.mean) + kC2)
    varied = one.square - one.mean**2 + other.square - other.mean**2 + kC2
    damage = np.maximum(1 - alike / varied, 0)
    edges = (1 + np.abs(other.plane - other.mean)) / (1 + np.abs(one.plane - one.mean)) - 1
    found = [_norms(each) for each in (damage, np.maximum(edges, 0), np.maximum(-edges, 0))]
    return tuple(norm[place] for place in (0, 1) for norm in found)


def _norms(plane: Plane) -> tuple[float, float]:
    squared = plane * plane
    return float(plane.mean()), float((squared * squared).mean() ** 0.25)


def _ms_ssim(ours: Image.Image, theirs: Image.Image) -> float:
    """Return MS-SSIM (Wang et al., 2003) of the lightness that sRGB stores, over five scales."""
    one, other = (np.asarray(each.convert("L"), np.float32) / 255 for each in (ours, theirs))
    result, shares = 1.0, (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    for number, share in enumerate(shares):
        if min(one.shape) < 2 * _RADIUS:
            break
        means = _blurred(one), _blurred(other)
        variances = (_blurred(one * one) - means[0] ** 2, _blurred(other * other) - means[1] ** 2)
        both = _blurred(one * other) - means[0] * means[1]
        alike = (2 * both + 9e-4) / (variances[0] + variances[1] + 9e-4)
        if number == len(shares) - 1:
            alike *= (2 * means[0] * means[1] + 1e-4) / (means[0] ** 2 + means[1] ** 2 + 1e-4)
        result *= max(float(alike.mean()), 1e-6) ** share
        one, other = _half(one), _half(other)
    return result
