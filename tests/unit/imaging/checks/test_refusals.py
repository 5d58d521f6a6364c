"""What is not a sound, affordable picture is refused with a code, and nothing else escapes."""

import math
import time
from pathlib import Path

import pytest
from PIL import Image

from infra.contract.errors import ErrorCode, ImageRefused, PixelsFailed
from tasks.imaging.models import Limits
from tasks.imaging.pipeline import render
from tasks.imaging.presets.catalogue import packaged_presets
from tests.unit.imaging.support.pictures import LIMITS, encoded, huge_png, photo, rendered

QUICKLY_SECONDS = 3.0  # of CPU; it takes milliseconds

DISGUISED = {
    "html": b"<!DOCTYPE html><html><body>Not found</body></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
    "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj",
    "empty": b"",
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "zip": b"PK\x03\x04" + bytes(100),
    "text": b"Size 42, black, leather. Ask for a picture.",
    "video": b"\0\0\0\x18ftypisom\0\0\0\0isomavc1" + bytes(500),
}


def code_of(directory: Path, data: bytes, *, limits: Limits = LIMITS) -> str:
    with pytest.raises(ImageRefused) as caught:
        rendered(directory, data, limits=limits)
    return caught.value.code


@pytest.mark.parametrize("kind", DISGUISED)
def test_other_content_is_refused_whatever_its_name(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "shoe.jpg"
    source.write_bytes(DISGUISED[kind])
    with pytest.raises(ImageRefused) as caught:
        render(source, tmp_path, packaged_presets().named("web"), limits=LIMITS)
    assert caught.value.code == ErrorCode.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("written", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, written: str, share: float) -> None:
    data = encoded(photo(400, 300), written)
    cut = data[: int(len(data) * share)]
    assert code_of(tmp_path, cut) == ErrorCode.TRUNCATED
    assert not list((tmp_path / "variants").iterdir())


@pytest.mark.parametrize("written", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_file_cut_anywhere_is_refused_or_rendered_but_nothing_else_escapes(
    tmp_path: Path, written: str
) -> None:
    data = encoded(photo(60, 40), written)
    for length in range(12, len(data), max(1, len(data) // 40)):
        try:
            rendered(tmp_path, data[:length])
        except ImageRefused as refused:
            assert refused.code in (  # noqa: PT017 - some cuts only miss the trailer, and pass
                ErrorCode.TRUNCATED,
                ErrorCode.CORRUPT,
                ErrorCode.UNSUPPORTED_FORMAT,
            )


def test_a_damaged_file_is_refused_as_corrupt(tmp_path: Path) -> None:
    data = bytearray(encoded(photo(400, 300), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert code_of(tmp_path, bytes(data)) == ErrorCode.CORRUPT


@pytest.mark.parametrize("side", [7_500, 12_000, 30_000])
def test_a_bomb_is_refused_before_it_costs_anything(tmp_path: Path, side: int) -> None:
    started = time.process_time()
    assert code_of(tmp_path, huge_png(side, side)) == ErrorCode.TOO_MANY_PIXELS
    assert time.process_time() - started < QUICKLY_SECONDS


def test_the_limit_itself_is_still_accepted(tmp_path: Path) -> None:
    data = encoded(Image.new("RGB", (100, 50)), "PNG")
    assert rendered(tmp_path, data, limits=Limits(max_pixels=5000)).source.width == 100
    assert code_of(tmp_path, data, limits=Limits(max_pixels=4999)) == ErrorCode.TOO_MANY_PIXELS


def test_endless_scans_are_refused_before_decoding(tmp_path: Path) -> None:
    data = encoded(photo(64, 64), "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    last_scan = data[start:-2]
    hostile = data[:-2] + last_scan * 30_000 + data[-2:]
    started = time.process_time()
    assert code_of(tmp_path, hostile) == ErrorCode.CORRUPT
    assert time.process_time() - started < QUICKLY_SECONDS


def test_levels_without_end_are_refused(tmp_path: Path) -> None:
    data = encoded(Image.new("F", (40, 40), math.inf), "TIFF")
    assert code_of(tmp_path, data) == ErrorCode.UNSUPPORTED_FORMAT


def test_a_missing_file_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(PixelsFailed):
        render(tmp_path / "gone", tmp_path, packaged_presets().named("web"), limits=LIMITS)


def test_a_directory_that_cannot_be_written_is_worth_another_try(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(encoded(photo(40, 40), "PNG"))
    with pytest.raises(PixelsFailed):
        render(source, tmp_path / "gone", packaged_presets().named("web"), limits=LIMITS)
