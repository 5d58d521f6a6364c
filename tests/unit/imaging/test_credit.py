"""Whose picture it is stays in the file on demand; nothing else ever does."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tasks.imaging.catalogue import packaged_presets
from tasks.imaging.credit import read_credit
from tasks.imaging.preset import Fit, Preset
from tasks.imaging.render import render
from tests.unit.imaging.pictures import LIMITS, encoded, photo

ARTIST, COPYRIGHT = "Jane Doe", "© 2025 A Supplier — all rights reserved"
WEB = packaged_presets().named("web")
KEEPING = replace(WEB, keep_copyright=True)


def telling(**more: object) -> Image.Exif:
    """Return EXIF data with a name, a right, a camera, a comment and a place."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = ARTIST
    exif[ExifTags.Base.Copyright] = COPYRIGHT.encode()
    exif[ExifTags.Base.Make] = "A camera"
    exif[ExifTags.Base.ImageDescription] = "At home"
    exif[ExifTags.Base.Orientation] = 6
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.UserComment] = b"secret"
    position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    position[ExifTags.GPS.GPSLatitudeRef] = "N"
    position[ExifTags.GPS.GPSLatitude] = (60.0, 23.0, 33.0)
    return exif


def exif_of(directory: Path, preset: Preset, data: bytes) -> list[Image.Exif]:
    source = directory / "source"
    source.write_bytes(data)
    found = []
    for each in render(source, directory, preset, limits=LIMITS).variants:
        with Image.open(each.path) as image:
            found.append(image.getexif())
    return found


def text(value: object) -> str:
    """Return what a reader that knows UTF-8 shows."""
    assert isinstance(value, str)
    return value.encode("latin-1").decode()


@pytest.mark.parametrize("written", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("fit", Fit)
def test_artist_and_copyright_are_kept_on_demand_and_nothing_else(
    tmp_path: Path, written: str, fit: Fit
) -> None:
    data = encoded(photo(120, 90), written, exif=telling())
    box = packaged_presets().named("thumbnail").boxes[1:]
    preset = replace(KEEPING, fit=fit, boxes=box, sharpen=0.5)
    for exif in exif_of(tmp_path, preset, data):
        assert set(exif) == {ExifTags.Base.Artist, ExifTags.Base.Copyright}
        assert text(exif[ExifTags.Base.Artist]) == ARTIST
        assert text(exif[ExifTags.Base.Copyright]) == COPYRIGHT
        for group in (ExifTags.IFD.GPSInfo, ExifTags.IFD.Exif):
            assert not exif.get_ifd(group)


def test_a_picture_laid_on_its_ground_keeps_them_as_well(tmp_path: Path) -> None:
    half = photo(120, 90).convert("RGBA")
    half.putalpha(120)
    for exif in exif_of(tmp_path, KEEPING, encoded(half, "PNG", exif=telling())):
        assert text(exif[ExifTags.Base.Artist]) == ARTIST


def test_without_demand_nothing_is_kept(tmp_path: Path) -> None:
    data = encoded(photo(120, 90), "JPEG", exif=telling())
    assert not any(dict(exif) for exif in exif_of(tmp_path, WEB, data))


def test_a_picture_that_names_nobody_has_no_exif_data(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "A camera"
    data = encoded(photo(120, 90), "JPEG", exif=exif)
    assert not any(dict(found) for found in exif_of(tmp_path, KEEPING, data))


def test_a_whole_licence_and_control_characters_do_not_pass() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "A\nB\x07C" + "ß" * 5000
    with Image.open(BytesIO(encoded(photo(20, 20), "JPEG", exif=exif))) as image:
        credit = Image.Exif()
        credit.load(read_credit(image))
    kept = credit[ExifTags.Base.Copyright]
    assert kept.startswith("ABC")
    assert len(kept) <= 500


def test_damaged_exif_data_do_not_cost_the_picture(tmp_path: Path) -> None:
    data = encoded(photo(120, 90), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")
    assert len(exif_of(tmp_path, KEEPING, data)) == 2
