"""What the likeness's damages weigh in each format, fitted to SSIMULACRA2.

Fitted by tests/benchmarks/calibrate.py, which says how and prints what stands here: on 79 pictures
(photographs, drawings, renderings and textures that Debian packages as desktop backgrounds, and 14
products on white, made of those photographs or drawn), 800 px wide, at five qualities each. The
benchmark's photographs are not among them. On what it was fitted on it is off by 1.9 points (JPEG),
1.9 (WebP) and 2.5 (AVIF), root mean square; drawings are off by most. Like SSIMULACRA2's own
weights, towards which they were drawn, none is negative.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tasks.imaging.sniff import ImageFormat


@dataclass(frozen=True, slots=True)
class Calibration:
    """One format's fit.

    The rows weigh what `likeness.Likeness.damages` returns, in its order: of lightness as it is,
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
            lightness=(0.0, 13.7, 28.2),
            half=(1.2, 9.1),
            quarter=(661.9, 8.0),
            redness=(0.0, 15.3),
            eighth=(445.7, 0.0),
            blueness=(177.9, 141.9),
            start=68,
            points_per_step=0.44,
        ),
        ImageFormat.WEBP: Calibration(
            lightness=(1.3, 15.7, 43.9),
            half=(0.0, 8.2),
            quarter=(578.1, 6.9),
            redness=(0.0, 17.3),
            eighth=(471.6, 0.0),
            blueness=(265.6, 140.1),
            start=75,
            points_per_step=0.57,
        ),
        ImageFormat.AVIF: Calibration(
            lightness=(2.7, 12.2, 24.5),
            half=(0.0, 0.0),
            quarter=(482.8, 11.1),
            redness=(0.0, 20.0),
            eighth=(430.7, 0.0),
            blueness=(121.6, 145.6),
            start=51,
            points_per_step=0.62,
        ),
    }
)
