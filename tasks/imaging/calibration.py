"""What the likeness's damages weigh in each format, fitted to SSIMULACRA2.

Fitted by tests/benchmarks/calibrate.py, which says how and prints what stands here: on 35
pictures (11 photographs and 10 drawings and textures that Debian packages as desktop backgrounds,
14 products on white, made of those photographs or drawn), 800 px wide, at six qualities each. The
benchmark's photographs are not among them. On what it was fitted on it is off by 1.9 points (JPEG),
2.6 (WebP) and 2.3 (AVIF), root mean square. Like SSIMULACRA2's own weights, towards which it was
drawn, none is negative.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Final

from tasks.imaging.sniff import ImageFormat


@dataclass(frozen=True, slots=True)
class Calibration:
    """One format's fit.

    `lightness` has one row per scale, the finest first: what the mean damage, the worst and the
    worst loss of contrast weigh. `blueness` has mean and worst. `start` is the number that gave 74
    points on average, `points_per_step` is how much the score rises there with the number.
    """

    lightness: tuple[tuple[float, float, float], ...]
    blueness: tuple[float, float]
    start: int
    points_per_step: float

    @property
    def weights(self) -> tuple[float, ...]:
        """Return the weights in the order of `likeness.Likeness.damages`."""
        return (*chain.from_iterable(self.lightness), *self.blueness)


CALIBRATIONS: Final[Mapping[ImageFormat, Calibration]] = MappingProxyType(
    {
        ImageFormat.JPEG: Calibration(
            lightness=((5.8, 14.7, 128.9), (30.6, 0.0, 12.4), (486.0, 0.0, 0.0)),
            blueness=(357.9, 122.3),
            start=68,
            points_per_step=0.44,
        ),
        ImageFormat.WEBP: Calibration(
            lightness=((24.4, 5.4, 111.2), (41.9, 0.0, 154.6), (481.1, 0.0, 47.3)),
            blueness=(276.4, 166.8),
            start=73,
            points_per_step=0.46,
        ),
        ImageFormat.AVIF: Calibration(
            lightness=((21.8, 6.9, 75.3), (35.7, 0.0, 129.1), (414.7, 0.0, 178.6)),
            blueness=(150.9, 150.3),
            start=55,
            points_per_step=0.76,
        ),
    }
)
