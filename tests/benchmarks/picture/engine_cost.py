"""What the engine costs beside what cannot be spared: the encoders' calls, decoding, resizing."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from time import process_time

from PIL import Image
from rich.console import Console

from tasks.imaging.encode.encoders import encode
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Limits
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import Encoding, FixedQuality, Preset
from tasks.imaging.quality.search import Hint, Subject, encode_to_quality
from tasks.pixels.malloc import keep_freed_memory
from tests.benchmarks.picture.photographs import widen

_WIDTHS = (1600, 800, 400, 200)
_FIXED = {ImageFormat.JPEG: 80, ImageFormat.WEBP: 79}
_PICTURES = 8
_ROUNDS = 5  # the smallest counts: the machine's other work only ever adds


Options = Mapping[ImageFormat, Mapping[str, object]]


def show_costs(console: Console, pictures: list[tuple[str, Image.Image]], fixed: Options) -> None:
    """Print the CPU of the search, and of the engine at fixed quality, as ratios.

    `fixed` are the settings that bytes are compared with. Memory is kept as pixel processes do.
    """
    keep_freed_memory()
    chosen = [picture for _, picture in pictures[:: max(1, len(pictures) // _PICTURES)]]
    ladders = [[widen(picture, width) for width in _WIDTHS] for picture in chosen]
    works = (_encode_once, lambda ladder: _encode_as(ladder, fixed), _search)
    once, as_fixed, search = (
        sum(found) for found in zip(*(_by_turns(each, works) for each in ladders), strict=True)
    )
    console.print(
        f"CPU, WebP and JPEG at {_WIDTHS} px, {len(ladders)} pictures:"
        f" choosing and encoding {search:.2f} s, encoding once {once:.2f} s,"
        f" ratio {search / once:.2f}; as the fixed settings do {as_fixed:.2f} s,"
        f" ratio {search / as_fixed:.2f}"
    )
    sources = [_source(picture) for picture in chosen]
    engine, parts = map(sum, zip(*(_both(each) for each in sources), strict=True))
    console.print(
        f"CPU, the same set at fixed quality from JPEG sources: engine {engine:.2f} s,"
        f" its decoding, resizing, encoding and one decoding each {parts:.2f} s,"
        f" ratio {engine / parts:.2f}"
    )


def _by_turns(
    ladder: list[Image.Image], works: tuple[Callable[[list[Image.Image]], None], ...]
) -> list[float]:
    """Return the least CPU seconds of each piece of work, done by turns."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(_ROUNDS):
        for times, work in zip(found, works, strict=True):
            started = process_time()
            work(ladder)
            times.append(process_time() - started)
    return [min(times) for times in found]


def _both(source: bytes) -> tuple[float, float]:
    """Return the engine's CPU seconds and its parts', by turns: the machine's mood changes."""
    engine, parts = [], []
    for _ in range(_ROUNDS):
        engine.append(_engine(source))
        started = process_time()
        _parts(source)
        parts.append(process_time() - started)
    return min(engine), min(parts)


def _encode_once(ladder: Iterable[Image.Image]) -> None:
    for picture in ladder:
        for image_format, quality in _FIXED.items():
            encode(picture, image_format, quality)


def _encode_as(ladder: Iterable[Image.Image], fixed: Options) -> None:
    for picture in ladder:
        for image_format in _FIXED:
            picture.save(BytesIO(), image_format.value, **fixed[image_format])


def _search(ladder: Iterable[Image.Image]) -> None:
    found: dict[ImageFormat, int | None] = {}
    for picture in ladder:
        subject = Subject(picture)
        for encoding in packaged_presets().named("web").encodings:
            hint = Hint(found.get(encoding.format))
            found[encoding.format] = encode_to_quality(subject, encoding, hint).quality


def _source(picture: Image.Image) -> bytes:
    out = BytesIO()
    widen(picture, 2000).save(out, "JPEG", quality=90)
    return out.getvalue()


def fixed_web() -> Preset:
    """Return the preset `web` with fixed qualities."""
    return replace(
        packaged_presets().named("web"),
        encodings=tuple(Encoding(each, FixedQuality(quality)) for each, quality in _FIXED.items()),
    )


def _engine(source: bytes) -> float:
    """Return the CPU seconds from the file to the files; who made the folder clears it away."""
    with tempfile.TemporaryDirectory() as folder:
        path, preset = Path(folder, "source"), fixed_web()
        path.write_bytes(source)
        started = process_time()
        render(path, Path(folder), preset, limits=Limits(max_pixels=50_000_000))
        return process_time() - started


def _parts(source: bytes) -> None:
    with Image.open(BytesIO(source)) as opened:
        opened.load()
        picture = opened
        for width in _WIDTHS:
            picture = widen(picture, width)
            for image_format, quality in _FIXED.items():
                data = encode(picture, image_format, quality)
                with Image.open(BytesIO(data)) as written:
                    written.load()
