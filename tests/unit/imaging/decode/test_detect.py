"""Formats are told by content."""

import pytest
from PIL import Image

from tasks.imaging.formats.detect import HEADER_BYTES, ImageFormat, sniff
from tests.unit.imaging.support.pictures import encoded

BRANDS = [
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ImageFormat.HEIC),
    (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heixmiaf", ImageFormat.HEIC),
    (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", ImageFormat.AVIF),
    (b"\0\0\0\x18ftypmif1\0\0\0\0mif1miafavif", None),  # the last lies outside of the box
    (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", None),  # a video
]

OTHERS = [
    b"",
    b"\xff",
    b"<!DOCTYPE html><html>",
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    b"%PDF-1.7\n",
    b"BMW is a maker of cars, not a bitmap, and this is a text.",
    b"RIFF\x24\0\0\0WAVEfmt ",
    b"GIF86a",
    b"\0\0\0\x18ftyp",
]


@pytest.mark.parametrize("written", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"])
def test_what_pillow_writes_is_recognised(written: str) -> None:
    header = encoded(Image.new("RGB", (8, 8)), written)[:HEADER_BYTES]
    assert sniff(header) is ImageFormat(written.lower())


@pytest.mark.parametrize(("header", "expected"), BRANDS)
def test_brands_tell_the_iso_formats_apart(header: bytes, expected: ImageFormat | None) -> None:
    assert sniff(header) is expected


@pytest.mark.parametrize("header", OTHERS)
def test_what_is_no_picture_is_not_named(header: bytes) -> None:
    assert sniff(header) is None


def test_extensions_and_media_types_are_the_usual_ones() -> None:
    assert ImageFormat.JPEG.extension == "jpg"
    assert ImageFormat.WEBP.extension == "webp"
    assert ImageFormat.JPEG.media_type == "image/jpeg"
    assert ImageFormat.TIFF.media_type == "image/tiff"
