"""What the similarity's damages weigh in each format, fitted to SSIMULACRA2.

Fitted by tests/benchmarks/picture/calibrate.py, which says how and prints what stands here: on
75 images (photographs, drawings, renderings and textures that Debian packages as desktop
backgrounds, and 11 products on white, made of those photographs), 800 px wide, at five qualities
each. The benchmark's photographs are not among them. On what it was fitted on it is off by 1.8
points (JPEG) and 1.9 (WebP), root mean square; drawings are off by most. Like SSIMULACRA2's own
weights, towards which they were drawn, none is negative. AVIF's were fitted at speeds 6 and 8, and
are all 15 % higher since it is written at speed 9: of files that score 64 to 82 they are then off
by 1.5 points. docs/quality.md says what they are off by on other images.
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
            lightness=(4.7, 13.5, 24.7),
            half=(0.0, 0.0),
            quarter=(526.0, 28.6),
            redness=(0.0, 19.9),
            eighth=(406.2, 69.3),
            blueness=(152.7, 160.0),
            start=54,
            points_per_step=0.7,
        ),
    }
)

# AVIF decides about a tile by what lies around it, which no sample can know; so its files are
# looked at when they are finished, at the same places. The same weights serve both.
FINISHED: Final = frozenset({ImageFormat.AVIF})
