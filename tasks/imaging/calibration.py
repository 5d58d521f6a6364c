"""What the likeness's damages weigh in each format, fitted to SSIMULACRA2.

Fitted by tests/benchmarks/calibrate.py, which says how and prints what stands here: on 35
pictures (11 photographs and 10 drawings and textures that Debian packages as desktop backgrounds,
14 products on white, made of those photographs or drawn), 800 px wide, at six qualities each. The
benchmark's photographs are not among them. On what it was fitted on it is off by 1.4 points (JPEG),
2.0 (WebP) and 1.6 (AVIF), root mean square. Like SSIMULACRA2's own weights, towards which they were
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
            lightness=((2.0, 14.2, 57.5), (9.6, 11.0, 0.0), (631.1, 59.8, 184.7)),
            blueness=(275.4, 175.8),
            start=68,
            points_per_step=0.44,
        ),
        ImageFormat.WEBP: Calibration(
            lightness=((6.2, 18.5, 25.2), (11.7, 21.5, 71.1), (565.6, 26.9, 99.4)),
            blueness=(230.5, 222.8),
            start=73,
            points_per_step=0.46,
        ),
        ImageFormat.AVIF: Calibration(
            lightness=((4.7, 14.2, 32.2), (7.4, 13.6, 46.8), (528.5, 41.7, 163.1)),
            blueness=(105.8, 167.3),
            start=55,
            points_per_step=0.76,
        ),
    }
)
