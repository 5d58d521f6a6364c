"""What the likeness's damages weigh in each format, fitted to SSIMULACRA2.

Fitted by tests/benchmarks/calibrate.py, which says how and prints what stands here: on 79 pictures
(photographs, drawings, renderings and textures that Debian packages as desktop backgrounds, and 14
products on white, made of those photographs or drawn), 800 px wide, at four qualities each. The
benchmark's photographs are not among them. On what it was fitted on it is off by 1.8 points (JPEG),
1.9 (WebP) and 2.4 (AVIF), root mean square; drawings are off by most. Like SSIMULACRA2's own
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
            lightness=(0.0, 14.5, 25.8),
            half=(0.0, 11.3),
            quarter=(592.4, 60.6),
            redness=(0.0, 17.1),
            eighth=(283.8, 17.2),
            blueness=(275.4, 118.0),
            start=68,
            points_per_step=0.44,
        ),
        ImageFormat.WEBP: Calibration(
            lightness=(0.0, 17.4, 34.7),
            half=(0.0, 13.8),
            quarter=(534.3, 34.8),
            redness=(0.0, 18.6),
            eighth=(368.0, 12.9),
            blueness=(278.8, 145.1),
            start=73,
            points_per_step=0.46,
        ),
        ImageFormat.AVIF: Calibration(
            lightness=(1.5, 13.4, 30.5),
            half=(0.0, 1.5),
            quarter=(441.8, 30.8),
            redness=(0.0, 22.5),
            eighth=(291.6, 19.4),
            blueness=(158.9, 140.6),
            start=55,
            points_per_step=0.76,
        ),
    }
)
