"""Sharpening makes up for shrinking: what keeps its size stays as it is."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.pipeline import render
from tasks.imaging.presets.model import Animated, Box, Encoding, Fit, FixedQuality, Preset, Trim
from tests.unit.imaging.support.pictures import LIMITS, encoded, oriented, photo

PNG = Encoding(ImageFormat.PNG, FixedQuality(100))
WEBP = Encoding(ImageFormat.WEBP, FixedQuality(90), effort=0)
BOX = Box(160, 160)
PLAIN = Preset("test", 1, (BOX,), (PNG,))


def made(directory: Path, data: bytes, preset: Preset) -> dict[str, bytes]:
    """Return the bytes of each variant by its name."""
    source = directory / "source"
    source.write_bytes(data)
    rendition = render(source, directory, preset, limits=LIMITS)
    return {each.name: each.path.read_bytes() for each in rendition.variants}


def sharpened(directory: Path, data: bytes, preset: Preset) -> list[str]:
    """Return the names of the variants that a strength changes."""
    normalize_mode = made(directory, data, preset)
    crisp = made(directory, data, replace(preset, sharpen=1.0))
    return [name for name in normalize_mode if normalize_mode[name] != crisp[name]]


@pytest.mark.parametrize("fit", Fit)
@pytest.mark.parametrize("size", [(160, 160), (100, 70)])
def test_a_picture_that_keeps_its_size_is_not_sharpened(
    tmp_path: Path, fit: Fit, size: tuple[int, int]
) -> None:
    data = encoded(photo(*size), "PNG")
    assert sharpened(tmp_path, data, replace(PLAIN, fit=fit)) == []


@pytest.mark.parametrize("fit", Fit)
def test_a_picture_that_was_made_smaller_is_sharpened(tmp_path: Path, fit: Fit) -> None:
    data = encoded(photo(320, 320), "PNG")
    assert sharpened(tmp_path, data, replace(PLAIN, fit=fit)) == ["b160x160-png"]


def test_of_several_sizes_only_those_are_sharpened_that_are_smaller(tmp_path: Path) -> None:
    preset = replace(PLAIN, boxes=(Box(900), Box(200), Box(100)))
    assert sharpened(tmp_path, encoded(photo(300, 200), "PNG"), preset) == ["w200-png", "w100-png"]


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_that_was_only_turned_or_trimmed_is_not_sharpened(
    tmp_path: Path, orientation: int
) -> None:
    bordered = Image.new("RGB", (400, 300), "white")
    bordered.paste(photo(120, 80), (100, 100))
    data = encoded(bordered, "PNG", exif=oriented(orientation))
    preset = replace(PLAIN, trim=Trim(), fit=Fit.PAD)
    assert sharpened(tmp_path, data, preset) == []
    assert sharpened(tmp_path, data, replace(preset, boxes=(Box(60, 60),))) == ["b60x60-png"]


def test_a_jpeg_that_is_made_smaller_while_it_is_decoded_is_sharpened(tmp_path: Path) -> None:
    data = encoded(photo(1280, 1280), "JPEG", quality=95)
    assert sharpened(tmp_path, data, PLAIN) == ["b160x160-png"]


def test_an_animation_that_keeps_its_size_is_not_sharpened(tmp_path: Path) -> None:
    frames = [photo(120, 90), photo(120, 90).rotate(180)]
    options = {"save_all": True, "append_images": frames[1:], "duration": 100, "lossless": True}
    data = encoded(frames[0], "WEBP", **options)
    boxes = (Box(900), Box(60))
    preset = replace(PLAIN, boxes=boxes, encodings=(WEBP,), animation=Animated())
    assert sharpened(tmp_path, data, preset) == ["w60-webp"]
