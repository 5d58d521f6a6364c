"""What would be made of a file: one call of a pixel process, or two where people want to look."""

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

from infra.contract.errors import ProductImagesError
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Rendition, VariantFile
from tasks.imaging.presets.model import Encoding, FixedQuality, Preset
from tasks.pixels.pool import PixelPool

_VIEW_QUALITY = 95  # no eye tells it from the source


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file, what was made of it and in how many seconds.

    `view` is the source for looking at: upright, in sRGB, cut like the widest variant.
    """

    file: Path
    rendition: Rendition
    seconds: float
    view: VariantFile | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file of which nothing is made, and why."""

    file: Path
    code: str
    detail: str


def inspect_file(
    pool: PixelPool, file: Path, directory: Path, *, preset: Preset, with_view: bool
) -> Inspection | Refusal:
    """Render `file` into new folders of `directory`."""
    try:
        started = time.monotonic()
        rendition = _render(pool, file, preset, into=directory / "variants")
        seconds = time.monotonic() - started
        view = None
        if with_view:
            # The same geometry, at the largest size only and as good as lossless: a large source
            # so becomes no larger on a page than what it is compared with.
            as_webp = rendition.source.has_alpha or rendition.variants[0].frames > 1
            image_format = ImageFormat.WEBP if as_webp else ImageFormat.JPEG
            viewing = replace(
                preset,
                boxes=preset.boxes[:1],
                encodings=(Encoding(image_format, FixedQuality(_VIEW_QUALITY)),),
                sharpen=0.0,
                drop_larger=False,
            )
            view = _render(pool, file, viewing, into=directory / "view").variants[0]
    except ProductImagesError as exc:
        return Refusal(file, exc.code, exc.detail)
    return Inspection(file, rendition, seconds, view)


def _render(pool: PixelPool, file: Path, preset: Preset, *, into: Path) -> Rendition:
    into.mkdir(parents=True)
    return asyncio.run(pool.render(file, into, preset))
