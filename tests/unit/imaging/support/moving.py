"""Builders of animations, each with exactly the property that a test is about."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageStat

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Rendition, VariantFile
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import (
    Animated,
    Box,
    ByteBudget,
    Encoding,
    FixedQuality,
    Preset,
    TargetQuality,
)
from tests.unit.imaging.support.pictures import LIMITS, encoded, photo

FAST = {ImageFormat.AVIF: 10, ImageFormat.WEBP: 0}
KEEP = Animated()


def turning(count: int, size: tuple[int, int] = (120, 90)) -> list[Image.Image]:
    """Return soft colours over which a red disc moves from the left to the right."""
    pictures = []
    across, down, _ = photo(*size).split()
    for number in range(count):
        picture = Image.merge("RGB", (across, down, down))
        left = round(number * (size[0] - 30) / max(1, count - 1))
        ImageDraw.Draw(picture).ellipse((left, 20, left + 30, 50), fill=(230, 10, 10))
        pictures.append(picture)
    return pictures


def animation(pictures: Sequence[Image.Image], written: str, **options: Any) -> bytes:
    """Return a file of all pictures; 120 ms each and without end, unless `options` say else."""
    wanted = {"duration": 120, "loop": 0, **options}
    return encoded(pictures[0], written, save_all=True, append_images=pictures[1:], **wanted)


def keeping(
    *formats: ImageFormat, quality: FixedQuality | TargetQuality | ByteBudget, **parts: Any
) -> Preset:
    """Return a preset of two widths that keeps animations, quick to encode."""
    encodings = tuple(Encoding(each, quality, effort=FAST.get(each)) for each in formats)
    usual = {"boxes": (Box(width=100), Box(width=50)), "animation": KEEP}
    return replace(packaged_presets().named("web"), encodings=encodings, **{**usual, **parts})


def made(directory: Path, data: bytes, preset: Preset) -> Rendition:
    """Render a file into a new folder."""
    source = directory / "source"
    source.write_bytes(data)
    target = directory / f"variants-{len(list(directory.iterdir()))}"
    target.mkdir()
    return render(source, target, preset, limits=LIMITS)


def played(file: VariantFile) -> list[tuple[Image.Image, int]]:
    """Return each frame of a variant, and for how many milliseconds it is shown."""
    found = []
    with Image.open(file.path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            found.append((image.convert("RGBA"), image.info.get("duration", 0)))
    return found


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference in levels of 255, seen on grey."""
    grounds = [Image.new("RGB", one.size, (128, 128, 128)) for _ in range(2)]
    for ground, picture in zip(grounds, (one, other), strict=True):
        ground.paste(picture, mask=picture.convert("RGBA"))
    return max(ImageStat.Stat(ImageChops.difference(*grounds)).mean)
