"""A source's own bytes stay where no encoding would be smaller: the same pixels, nothing else."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from tasks.imaging.encode.encoders import encode
from tasks.imaging.encode.source_bytes import without_metadata
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import NO_NOTICE, Notice, Rendition, VariantFile
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.imaging.presets.model import Box, Fit, Preset, Trim
from tests.unit.imaging.quality.test_search import textured
from tests.unit.imaging.support.pictures import (
    LIMITS,
    encoded,
    oriented,
    photo,
    swapped_profile,
    telling_exif,
)

SECRET = "Jane at home"
WEB = packaged_presets().named("web")
# Lower than `web` goes, and as well packed: no encoding of ours is smaller.
POOR = encode(textured(90, (400, 300)), ImageFormat.JPEG, 15)


def pixels(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as image:
        return image.tobytes()


def made(directory: Path, data: bytes, preset: Preset = WEB) -> Rendition:
    (directory / "source").write_bytes(data)
    return render(directory / "source", directory, preset, limits=LIMITS)


def largest_jpeg(rendition: Rendition) -> VariantFile:
    return next(each for each in rendition.variants if each.format.value == "jpeg")


@pytest.mark.parametrize("progressive", [True, False])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_pixels_stay_and_everything_else_goes(mode: str, *, progressive: bool) -> None:
    data = encoded(
        photo(333, 217).convert(mode),
        "JPEG",
        progressive=progressive,
        restart_marker_rows=1,
        exif=telling_exif(SECRET),
        comment=SECRET.encode(),
        icc_profile=swapped_profile(),
    )
    bare = without_metadata(data + b"PK archive behind the end", NO_NOTICE)
    assert bare is not None
    assert len(bare) < len(data)
    assert pixels(bare) == pixels(data)
    assert bare.endswith(b"\xff\xd9")
    with Image.open(BytesIO(bare)) as image:
        assert not dict(image.getexif())
        assert {"icc_profile", "comment", "exif"}.isdisjoint(image.info)


def test_what_a_preset_keeps_is_written_into_them() -> None:
    exif = Image.Exif()
    exif[0x8298] = "Jane Doe"
    bare = without_metadata(POOR, Notice(exif.tobytes(), b"<x:xmpmeta/>"))
    assert bare is not None
    with Image.open(BytesIO(bare)) as image:
        assert image.getexif()[0x8298] == "Jane Doe"
        assert image.info["xmp"] == b"<x:xmpmeta/>"
        assert image.info["jfif_version"] == (1, 1)
    assert pixels(bare) == pixels(POOR)


@pytest.mark.parametrize("data", [POOR[:-900], b"\xff\xd8\xff\xd9", b"\xff\xd8"])
def test_a_file_without_an_end_or_without_pixels_is_not_kept(data: bytes) -> None:
    assert without_metadata(data, NO_NOTICE) is None


def test_a_poor_small_jpeg_is_kept_as_it_is(tmp_path: Path) -> None:
    again = Image.open(BytesIO(POOR))
    options = {"quality": "keep", "progressive": True, "optimize": True}
    data = encoded(again, "JPEG", exif=telling_exif(SECRET), **options)
    variant = largest_jpeg(made(tmp_path, data))
    written = variant.path.read_bytes()
    assert (variant.width, variant.quality, variant.score) == (400, None, 100)
    assert len(written) < len(data)
    assert SECRET.encode() not in written
    with Image.open(BytesIO(written)) as ours, Image.open(BytesIO(data)) as theirs:
        assert ImageChops.difference(ours, theirs).getbbox() is None


@pytest.mark.parametrize(
    ("data", "preset"),
    [
        (encoded(Image.open(BytesIO(POOR)), "JPEG", quality=12, exif=oriented(6)), WEB),
        (
            encoded(Image.open(BytesIO(POOR)), "JPEG", quality=12, icc_profile=swapped_profile()),
            WEB,
        ),
        (POOR, replace(WEB, fit=Fit.PAD, boxes=(Box(400, 300),), trim=Trim())),
        (POOR, replace(WEB, boxes=(Box(399),))),
        (encoded(textured(90, (400, 300)), "JPEG", quality=97), WEB),
    ],
    ids=["turned", "in other colours", "padded", "smaller", "worth encoding"],
)
def test_a_source_that_shows_something_else_or_is_larger_is_encoded(
    tmp_path: Path, data: bytes, preset: Preset
) -> None:
    assert largest_jpeg(made(tmp_path, data, preset)).quality is not None
