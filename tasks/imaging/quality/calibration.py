"""What the similarity's damages weigh in each format, fitted to SSIMULACRA2.

Fitted by tests/benchmarks/picture/calibrate.py, which says how and prints what stands here: on
75 images (photographs, drawings, renderings and textures that Debian packages as desktop
backgrounds, and 11 products on white, made of those photographs), 800 px wide, at five qualities
each. The benchmark's photographs are not among them. On what it was fitted on it is off by 1.8
points (JPEG), 1.9 (WebP) and 2.5 (AVIF), root mean square; drawings are off by most. Like
SSIMULACRA2's own weights, towards which they were drawn, none is negative.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tasks.imaging.formats.detect import ImageFormat


@dataclass(frozen=True, slots=True)
class Calibration:
    """One format's fit.

    The rows weigh what `similarity.Likeness.damages` returns, in its order: of lightness as it is,
    at a half and at a quarter, of redness at a quarter, of lightness and of blueness at an eighth,
    the mean damage and the worst; behind the first stands the worst loss of contrast. `start` is
    the number that gave 74 points on average, `points_per_step` is how much the score rises there
    with the number.
    """

    lightness: tuple[float, float, float]
    half: tuple[float, float]
    quarter: tuple[float, float]
    redness: tuple[float, float]
    eighth: tuple[float, float]
    blueness: tuple[float, float]
    start: int
    points_per_step: float

    @property
    def weights(self) -> tuple[float, ...]:
        """Return the weights in the order of the damages."""
        return (
            *(*self.lightness, *self.half, *self.quarter),
            *(*self.redness, *self.eighth, *self.blueness),
        )


CALIBRATIONS: Final[Mapping[ImageFormat, Calibration]] = MappingProxyType(
    {
        ImageFormat.JPEG: Calibration(
            lightness=(0.6, 12.9, 23.2),
            half=(0.0, 10.7),
            quarter=(609.1, 57.9),
            redness=(0.0, 13.7),
            eighth=(344.6, 49.4),
            blueness=(212.5, 140.7),
            start=68,
            points_per_step=0.44,
        ),
        ImageFormat.WEBP: Calibration(
            lightness=(0.5, 15.7, 37.8),
            half=(0.0, 14.6),
            quarter=(546.0, 35.8),
            redness=(0.0, 15.7),
            eighth=(391.7, 18.2),
            blueness=(263.4, 138.9),
            start=76,
            points_per_step=0.59,
        ),
        ImageFormat.AVIF: Calibration(
            lightness=(4.1, 11.7, 21.5),
            half=(0.0, 0.0),
            quarter=(457.4, 24.9),
            redness=(0.0, 17.3),
            eighth=(353.2, 60.3),
            blueness=(132.8, 139.1),
            start=51,
            points_per_step=0.62,
        ),
    }
)
