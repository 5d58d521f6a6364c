"""Nothing but pixels reaches a variant: no place, no name, no comment."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import Rendition
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import Box, Encoding, FixedQuality
from tests.unit.imaging.support.pictures import (
    LIMITS,
    encoded,
    oriented,
    photo,
    rendered,
    telling_exif,
)

SECRET = "Jane at home"
XMP = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><who>{SECRET}</who></x:xmpmeta>'.encode()
REVEALING = {"exif", "xmp", "comment", "icc_profile", "photoshop", "Description", "gamma"}


def notes() -> PngInfo:
    text = PngInfo()
    text.add_text("Description", SECRET)
    text.add_itxt("Author", SECRET)
    return text


SOURCES: dict[str, dict[str, Any]] = {
    "JPEG": {"exif": telling_exif(SECRET), "xmp": XMP, "comment": SECRET.encode()},
    "PNG": {"exif": telling_exif(SECRET), "pnginfo": notes()},
    "WEBP": {"exif": telling_exif(SECRET), "xmp": XMP},
    "TIFF": {"exif": telling_exif(SECRET), "description": SECRET},
    "GIF": {"comment": SECRET.encode()},
}


def assert_bare(rendition: Rendition) -> None:
    for each in rendition.variants:
        assert SECRET.encode() not in each.path.read_bytes()
        with Image.open(each.path) as image:
            assert not dict(image.getexif())
            assert REVEALING.isdisjoint(image.info)


@pytest.mark.parametrize("written", SOURCES)
@pytest.mark.parametrize("width", [120, 1700])
def test_metadata_are_stripped_resized_or_not(tmp_path: Path, written: str, width: int) -> None:
    data = encoded(photo(width, 30), written, **SOURCES[written])
    assert SECRET.encode() in data
    assert_bare(rendered(tmp_path, data))


def test_a_ground_that_somebody_made_transparent_is_gone(tmp_path: Path) -> None:
    picture = photo(120, 80).convert("RGBA")
    alpha = Image.new("L", picture.size, 0)
    alpha.paste(255, (40, 20, 80, 60))
    picture.putalpha(alpha)
    preset = replace(
        packaged_presets().named("web"),
        boxes=(Box(120),),
        encodings=(Encoding(ImageFormat.PNG, FixedQuality(100)),),
    )
    (tmp_path / "source").write_bytes(encoded(picture, "PNG"))
    (variant,) = render(tmp_path / "source", tmp_path, preset, limits=LIMITS).variants
    with Image.open(variant.path) as image:
        shown = image.convert("RGBA")
    colours = shown.convert("RGB")
    colours.paste(0, mask=alpha)
    assert colours.getbbox() is None
    assert shown.crop((40, 20, 80, 60)).tobytes() == picture.crop((40, 20, 80, 60)).tobytes()


def test_the_orientation_is_not_written_again(tmp_path: Path) -> None:
    assert_bare(rendered(tmp_path, encoded(photo(120, 80), "JPEG", exif=oriented(6))))
