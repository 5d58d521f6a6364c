"""Bytes at equal looks: a quality chosen per picture against fixed ones and Pillow's defaults.

Run by `make bench`, or alone: `python -m tests.benchmarks.picture.quality [--quick]`.
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from time import process_time

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from tasks.imaging.encode.encoders import flattened
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import WHITE, Encoding
from tasks.imaging.quality.search import Encoded, Hint, Subject, encode_to_quality
from tests.benchmarks.picture.engine_cost import show_costs
from tests.benchmarks.picture.kinds import pictures_of_kinds
from tests.benchmarks.picture.photographs import widen
from tests.benchmarks.picture.scoring import Judge

WIDTH_PX = 800
_QUICK_EVERY = 12  # of the pictures, with --quick
_FORMATS = (ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF)
FIXED = {
    ImageFormat.JPEG: {"quality": 80, "progressive": True, "optimize": True},
    ImageFormat.WEBP: {"quality": 79},
    ImageFormat.AVIF: {"quality": 63, "speed": 8, "max_threads": 1},
}
_WAYS = ("fixed", "defaults", "chosen")
_USUAL = ("photographs", "products on white")  # the kinds that the pooled figures are of


@dataclass(frozen=True, slots=True)
class Result:
    """One file: how it was made, its bytes, its SSIMULACRA2, and the CPU seconds it took.

    `told` is the score that the engine tells, `contrast_loss` a second opinion (`scoring.Judge`).
    """

    kind: str
    way: str
    format: ImageFormat
    bytes: int
    score: float
    contrast_loss: float
    told: float | None
    cpu_seconds: float


def measure_quality(console: Console, *, quick: bool = False) -> None:
    """Print bytes and scores per format and pooled, then what the search costs.

    "fixed" is JPEG 80, WebP 79, AVIF 63; "defaults" what Pillow does when not asked; "chosen" what
    the preset `web` asks for. A second table has a row for each kind of picture.
    """
    kinds = pictures_of_kinds()
    pictures = [(kind, *each) for kind, named in kinds.items() for each in named]
    pictures = pictures[:: _QUICK_EVERY if quick else 1]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = [each for found in pool.map(_listed, pictures) for each in found]
    usual = [each for each in results if each.kind in _USUAL]
    table = Table("format", "way", "bytes", "of fixed", "mean", "p10", "min", "std", "1-MS-SSIM")
    for formats in (*((each,) for each in _FORMATS), _FORMATS):
        for way in _WAYS:
            table.add_row(*_row(usual, way, formats))
    console.print(f"{len(pictures)} pictures, {WIDTH_PX} px wide; scores are SSIMULACRA2")
    console.print(table)
    console.print(_by_kind(results))
    show_costs(console, [(name, each) for kind, name, each in pictures if kind in _USUAL], FIXED)


def _by_kind(results: list[Result]) -> Table:
    """Return bytes, scores, and how far the engine's own scores are off, kind by kind."""
    table = Table("kind", "pictures", "format", "bytes", "of JPEG", "mean", "p10", "min", "off by")
    for kind in dict.fromkeys(each.kind for each in results):
        ours = [each for each in results if each.kind == kind and each.way == "chosen"]
        base = sum(each.bytes for each in ours if each.format is ImageFormat.JPEG)
        for image_format in _FORMATS:
            found = [each for each in ours if each.format is image_format]
            scores = np.array([each.score for each in found])
            off = [each.told - each.score for each in found if each.told not in (None, 100)]
            total = sum(each.bytes for each in found)
            table.add_row(
                *(kind, str(len(found)), image_format.value, f"{total:,}", f"{total / base:.2f}"),
                *(f"{each:.1f}" for each in (scores.mean(), np.percentile(scores, 10))),
                f"{scores.min():.1f}",
                f"{np.mean(off):+.1f} ± {np.std(off):.1f}" if off else "lossless",
            )
    return table


def _row(results: list[Result], way: str, formats: tuple[ImageFormat, ...]) -> tuple[str, ...]:
    ours = [each for each in results if each.way == way and each.format in formats]
    fixed = [each for each in results if each.way == "fixed" and each.format in formats]
    total, base = sum(each.bytes for each in ours), sum(each.bytes for each in fixed)
    scores = np.array([each.score for each in ours])
    return (
        formats[0].value if len(formats) == 1 else "all",
        way,
        f"{total:,}",
        f"{total / base:.2f}",
        f"{scores.mean():.1f}",
        f"{np.percentile(scores, 10):.1f}",
        f"{scores.min():.1f}",
        f"{scores.std():.2f}",
        f"{np.mean([each.contrast_loss for each in ours]):.1f}",
    )


def _listed(named: tuple[str, str, Image.Image]) -> list[Result]:
    return list(_results(named))


def _results(named: tuple[str, str, Image.Image]) -> Iterator[Result]:
    kind, _, whole = named
    picture = widen(whole, WIDTH_PX)
    flat = flattened(picture, WHITE) if picture.mode == "RGBA" else picture
    judges = {True: Judge(picture), False: Judge(flat)}
    for image_format in _FORMATS:
        keeps_alpha = image_format is not ImageFormat.JPEG
        shown = picture if keeps_alpha else flat
        for way, make in (
            ("fixed", partial(_saved, image_format, FIXED[image_format])),
            ("defaults", partial(_saved, image_format, {})),
            ("chosen", partial(_chosen, image_format)),
        ):
            started = process_time()
            made = make(shown)
            used = process_time() - started
            judge = judges[keeps_alpha]
            score, lost = judge.score(made.data), judge.contrast_loss(made.data)
            yield Result(kind, way, image_format, len(made.data), score, lost, made.score, used)


def _saved(image_format: ImageFormat, options: dict[str, object], picture: Image.Image) -> Encoded:
    out = BytesIO()
    picture.save(out, image_format.value, **options)
    return Encoded(out.getvalue(), None, None)


def _chosen(image_format: ImageFormat, picture: Image.Image) -> Encoded:
    return encode_to_quality(Subject(picture), web_encoding(image_format), Hint())


def web_encoding(image_format: ImageFormat) -> Encoding:
    """Return how the preset `web` writes a format."""
    encodings = packaged_presets().named("web").encodings
    return next(each for each in encodings if each.format is image_format)


if __name__ == "__main__":
    measure_quality(Console(highlight=False), quick="--quick" in sys.argv)
