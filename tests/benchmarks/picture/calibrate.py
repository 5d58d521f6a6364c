"""Fit the likeness to SSIMULACRA2 and print what belongs into tasks/imaging/quality/calibration.py.

Run it with `python -m tests.benchmarks.picture.calibrate` when the likeness, the tiles,
JPEG's tables or an encoder change; it takes a quarter of an hour or more.
Each picture is encoded at several qualities and scored by SSIMULACRA2 on all of it, and its sample,
encoded in a hurry, is compared by the likeness. Of AVIF the finished file is compared, too, at the
sample's places: that is the line `avif, finished`.

SSIMULACRA2 ends in 100 - 10 * sum ** 0.6276, so the sum that a score stands for is known, and the
weights follow by least squares, none below zero. Errors count as points of the score, and double
between 64 and 86. The weights are drawn towards SSIMULACRA2's own, so that the fit does not believe
what a few pictures have in common by chance.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from operator import attrgetter

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from scipy.optimize import nnls

from tasks.imaging.encode.encoders import encode, encode_in_a_hurry
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.quality.metric import SimilarityMetric
from tasks.imaging.quality.sampling import sample
from tests.benchmarks.picture.photographs import fitting_pictures, widen
from tests.benchmarks.picture.scoring import Judge

_WIDTH_PX = 800
_QUALITIES = {
    ImageFormat.JPEG: (50, 58, 66, 74, 82),
    ImageFormat.WEBP: (50, 62, 72, 80, 86),
    ImageFormat.AVIF: (38, 46, 53, 60, 67),
}
_EFFORT = {ImageFormat.AVIF: 9}  # as `web` has it
_WORST, _BEST = 50, 92  # scores outside are no shop's business
_LIKELY = (64, 86)
_USUAL = 74
_POWER = 0.6276336467831387
_PULL = 0.3
# SSIMULACRA2's weights of the same damages, times 2.22 for the slope of its last step.
# How far blueness is off it weighs in another way.
_OWN = np.array((0, 16.6, 38.6, 0, 14.8, 500, 42.7, 0, 26.6, 390, 54, 100, 60))


@dataclass(frozen=True, slots=True)
class Point:
    """One encoding: the damages that the likeness finds in the sample that was encoded by itself
    and, at its places, in the finished file; and the score by SSIMULACRA2.
    """

    picture: str
    format: ImageFormat
    quality: int
    damages: tuple[float, ...]
    finished: tuple[float, ...]
    score: float


def main() -> None:
    """Print the weights, how well they fit, and where a search should start."""
    console = Console(highlight=False)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        points = [each for found in pool.map(_points, fitting_pictures()) for each in found]
    for image_format in _QUALITIES:
        ours = [each for each in points if each.format is image_format]
        start, slope = usual(ours)
        judged = [each for each in ours if _WORST < each.score < _BEST]
        for name, damages in (("", attrgetter("damages")), (", finished", attrgetter("finished"))):
            weights, error = fit(judged, [damages(each) for each in judged])
            shown = ", ".join(f"{weight:.1f}" for weight in weights)
            console.print(
                f"{image_format.value}{name}: {shown}; off by {error:.2f} points, {len(ours)};"
                f" start {start:.0f}, points per step {slope:.2f}",
                soft_wrap=True,
            )


def fit(
    points: list[Point], found: list[tuple[float, ...]]
) -> tuple[npt.NDArray[np.float64], float]:
    """Return the weights of the damages found, and the root mean square of what they are off."""
    damages = np.array(found)
    scores = np.array([each.score for each in points])
    sums = ((100 - scores) / 10) ** (1 / _POWER)
    likely = (scores > _LIKELY[0]) & (scores < _LIKELY[1])
    counts = (100 - scores) / sums * np.where(likely, 1.5, 0.7)
    rows = damages * counts[:, np.newaxis]
    size = np.sqrt((rows**2).mean(0)) * _PULL * np.sqrt(len(points))
    weights, _ = nnls(np.r_[rows, np.diag(size)], np.r_[sums * counts, size * _OWN])
    told = 100 - 10 * (damages @ weights) ** _POWER
    return weights, float(np.sqrt(np.mean((told - scores) ** 2)))


def usual(points: list[Point]) -> tuple[float, float]:
    """Return the number that gives the usual score, and how much the score rises with it there:
    the means over pictures.
    """
    found = []
    for _, each in groupby(points, key=attrgetter("picture")):
        ours = list(each)
        numbers = np.array([point.quality for point in ours])
        scores = np.maximum.accumulate([point.score for point in ours])
        end = int(np.clip(np.searchsorted(scores, _USUAL), 1, len(ours) - 1))
        slope = (scores[end] - scores[end - 1]) / (numbers[end] - numbers[end - 1])
        found.append((np.interp(_USUAL, scores, numbers), slope))
    start, slope = np.mean(found, axis=0)
    return float(start), float(slope)


def _points(named: tuple[str, Image.Image]) -> list[Point]:
    picture = widen(named[1], _WIDTH_PX)
    chosen = sample(picture)
    if chosen is None:
        return []
    likeness, judge, found = SimilarityMetric(chosen), Judge(picture), []
    for image_format, qualities in _QUALITIES.items():
        for quality in qualities:
            data = encode(picture, image_format, quality, effort=_EFFORT.get(image_format))
            with Image.open(BytesIO(data)) as encoded:
                finished = likeness.damages(chosen.of(encoded))
            part = encode_in_a_hurry(chosen.picture, image_format, quality)
            with Image.open(BytesIO(part)) as encoded:
                damages = likeness.damages(encoded)
            real = judge.score(data)
            found.append(Point(named[0], image_format, quality, damages, finished, real))
    return found


if __name__ == "__main__":
    main()
