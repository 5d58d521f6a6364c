"""Only EXIF data say how a picture is turned: an XMP packet may be older than the pixels."""

from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tests.unit.imaging.support.front import known
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.odd import png_chunk
from tests.unit.imaging.support.pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    corner_colours,
    corners,
    oriented,
)

SIZE = (96, 64)
COLOURS = (RED, GREEN, BLUE, YELLOW)
PICTURE = corners(SIZE, COLOURS)
ORIENTATIONS = range(1, 9)
_XMP_TAG = 700


def xmp(orientation: int) -> bytes:
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/'
        b'22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        b'tiff:Orientation="%d"/></rdf:RDF></x:xmpmeta>' % orientation
    )


def written(image_format: str, orientation: int, exif: Image.Exif | None = None) -> bytes:
    """Return the picture with an XMP packet, and EXIF data where wanted."""
    if image_format == "TIFF":
        tags = exif or Image.Exif()
        tags[_XMP_TAG] = xmp(orientation)
        return file_of(PICTURE, "TIFF", exif=tags)
    options = {"exif": exif} if exif is not None else {}
    return file_of(PICTURE, image_format, xmp=xmp(orientation), **options)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "AVIF", "TIFF"])
def test_an_orientation_in_xmp_alone_turns_nothing(
    tmp_path: Path, image_format: str, orientation: int
) -> None:
    facts, image = known(tmp_path, written(image_format, orientation))
    assert (facts.orientation, facts.width, facts.height) == (1, *SIZE)
    assert image.size == SIZE
    assert corner_colours(image) == COLOURS


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "TIFF"])
def test_exif_data_that_say_nothing_about_it_change_nothing(
    tmp_path: Path, image_format: str
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Jane Doe"
    facts, image = known(tmp_path, written(image_format, 6, exif))
    assert facts.orientation == 1
    assert corner_colours(image) == COLOURS


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "AVIF", "TIFF"])
def test_exif_data_count_beside_an_xmp_packet_that_contradicts(
    tmp_path: Path, image_format: str, orientation: int
) -> None:
    contradicting = orientation % 8 + 1
    data = written(image_format, contradicting, oriented(orientation))
    facts, image = known(tmp_path, data)
    normalize_mode, expected = known(
        tmp_path, file_of(PICTURE, image_format, exif=oriented(orientation))
    )
    assert facts.orientation == normalize_mode.orientation == orientation
    assert image.size == expected.size == ((64, 96) if orientation > 4 else SIZE)
    assert corner_colours(image) == corner_colours(expected)


def test_exif_data_of_a_png_count_behind_its_pixels_as_well(tmp_path: Path) -> None:
    data = file_of(PICTURE, "PNG")
    block = oriented(6).tobytes().removeprefix(b"Exif\0\0")
    end = data.rindex(b"IEND") - 4
    facts, image = known(tmp_path, data[:end] + png_chunk(b"eXIf", block) + data[end:])
    assert facts.orientation == 6
    assert image.size == (64, 96)
