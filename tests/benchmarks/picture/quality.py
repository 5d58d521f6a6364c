"""Bytes at equal looks: a quality chosen per picture against fixed ones and Pillow's defaults.

Run by `make bench`, or alone: `python -m tests.benchmarks.picture.quality [--quick]`.
"""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from time import process_time

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import Encoding, TargetQuality
from tasks.imaging.quality.search import Hint, Subject, encode_to_quality
from tests.benchmarks.picture.engine_cost import show_costs
from tests.benchmarks.picture.photographs import bench_pictures, widen
from tests.benchmarks.picture.scoring import score

WIDTH_PX = 800
_QUICK_EVERY = 12  # of the pictures, with --quick
_FORMATS = (ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF)
FIXED = {
    ImageFormat.JPEG: {"quality": 80, "progressive": True, "optimize": True},
    ImageFormat.WEBP: {"quality": 79},
    ImageFormat.AVIF: {"quality": 63, "speed": 8, "max_threads": 1},
}
# `web` writes no AVIF. Its bound is near the fixed number, as those of WebP and JPEG are; the score
# is higher than theirs because AVIF's samples flatter its files, by 1.8 points in the mean.
_AVIF_TARGET = TargetQuality(score=75.4, low=25, high=62, tolerance=2)
_WAYS = ("fixed", "defaults", "chosen", "served")


@dataclass(frozen=True, slots=True)
class Result:
    """One file: how it was made, its bytes, its SSIMULACRA2, and the CPU seconds it took."""

    way: str
    format: ImageFormat
    bytes: int
    score: float
    cpu_seconds: float


def measure_quality(console: Console, *, quick: bool = False) -> None:
    """Print bytes and scores per format and pooled, then what the search costs.

    "fixed" is JPEG 80, WebP 79, AVIF 63; "defaults" what Pillow does when not asked; "served" is
    "chosen" as a browser that knows the format gets it, where no file is larger than a simpler one.
    """
    pictures = bench_pictures()[:: _QUICK_EVERY if quick else 1]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = [each for found in pool.map(_results, pictures) for each in found]
    table = Table("format", "way", "bytes", "of fixed", "mean", "p10", "std", "IQR")
    for formats in (*((each,) for each in _FORMATS), _FORMATS):
        for way in _WAYS:
            table.add_row(*_row(results, way, formats))
    console.print(f"{len(pictures)} pictures, {WIDTH_PX} px wide; scores are SSIMULACRA2")
    console.print(table)
    show_costs(console, pictures, FIXED)


def _row(results: list[Result], way: str, formats: tuple[ImageFormat, ...]) -> tuple[str, ...]:
    ours = [each for each in results if each.way == way and each.format in formats]
    fixed = [each for each in results if each.way == "fixed" and each.format in formats]
    total, base = sum(each.bytes for each in ours), sum(each.bytes for each in fixed)
    scores = np.array([each.score for each in ours])
    low, quarter, most = np.percentile(scores, (10, 25, 75))
    return (
        formats[0].value if len(formats) == 1 else "all",
        way,
        f"{total:,}",
        f"{total / base:.2f}",
        f"{scores.mean():.1f}",
        f"{low:.1f}",
        f"{scores.std():.2f}",
        f"{most - quarter:.2f}",
    )


def _results(named: tuple[str, Image.Image]) -> list[Result]:
    picture = widen(named[1], WIDTH_PX)
    results = [
        _result(picture, way, image_format, make)
        for image_format in _FORMATS
        for way, make in (
            ("fixed", partial(_saved, image_format, FIXED[image_format])),
            ("defaults", partial(_saved, image_format, {})),
            ("chosen", partial(_chosen, image_format)),
        )
    ]
    return [*results, *_served([each for each in results if each.way == "chosen"])]


def _served(chosen: list[Result]) -> Iterator[Result]:
    """Yield for each format, the simplest first, the smallest file so far."""
    smallest = chosen[0]
    for each in chosen:
        smallest = min(smallest, each, key=lambda result: result.bytes)
        yield replace(smallest, way="served", format=each.format)


def _result(
    picture: Image.Image,
    way: str,
    image_format: ImageFormat,
    make: Callable[[Image.Image], bytes],
) -> Result:
    started = process_time()
    data = make(picture)
    used = process_time() - started
    return Result(way, image_format, len(data), score(picture, data), used)


def _saved(image_format: ImageFormat, options: dict[str, object], picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, image_format.value, **options)
    return out.getvalue()


def _chosen(image_format: ImageFormat, picture: Image.Image) -> bytes:
    encoding = Encoding(image_format, web_target(image_format))
    return encode_to_quality(Subject(picture), encoding, Hint()).data


def web_target(image_format: ImageFormat) -> TargetQuality:
    """Return what the preset `web` asks of a format; of AVIF, what it would ask."""
    if image_format is ImageFormat.AVIF:
        return _AVIF_TARGET
    asked = {each.format: each.quality for each in packaged_presets().named("web").encodings}
    quality = asked[image_format]
    if not isinstance(quality, TargetQuality):
        raise TypeError("the preset web has no target score")
    return quality


if __name__ == "__main__":
    measure_quality(Console(highlight=False), quick="--quick" in sys.argv)
