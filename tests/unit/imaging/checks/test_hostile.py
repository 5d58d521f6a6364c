"""Files that mean harm are refused early, or their good picture is shown and nothing else."""

import time
from pathlib import Path

import pytest
from PIL import Image

from infra.contract.errors import ErrorCode
from tasks.imaging.models import Limits
from tests.unit.imaging.support import hostile
from tests.unit.imaging.support.front import LIMITS, code_of, known, seen
from tests.unit.imaging.support.hostile import PAYLOAD, carriers, file_of
from tests.unit.imaging.support.odd import heic, tiff, with_chunks
from tests.unit.imaging.support.pictures import photo, rendered

QUICKLY_SECONDS = 3.0  # of CPU; it takes milliseconds
SMALL = photo(48, 32)

TOO_LARGE = {
    "WebP": hostile.declaring_webp(9000, 9000),
    "AVIF": hostile.declaring_iso(file_of(SMALL, "AVIF"), 40_000, 40_000),
    "HEIC": hostile.declaring_iso(heic(SMALL), 9000, 9000),
    "GIF": hostile.declaring_gif(65_535, 65_535),
    "GIF, just above": hostile.declaring_gif(7072, 7072),
    "TIFF": hostile.tiff_declaring(70_000, 70_000),
    "JPEG": hostile.declaring_jpeg(65_000, 65_000),
}
MANY_FRAMES = {
    "GIF": hostile.gif_of,
    "WebP": hostile.webp_of,
    "PNG": hostile.apng_of,
}
FLAT_SIDE = 3000
CARRIERS = carriers(SMALL)


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_too_many_declared_pixels_cost_nothing(tmp_path: Path, kind: str) -> None:
    started = time.process_time()
    assert code_of(tmp_path, TOO_LARGE[kind]) == ErrorCode.TOO_MANY_PIXELS
    assert time.process_time() - started < QUICKLY_SECONDS


def test_a_jpeg_that_declares_more_than_its_bytes_hold_is_refused(tmp_path: Path) -> None:
    assert code_of(tmp_path, hostile.declaring_jpeg(7000, 7000)) == ErrorCode.TRUNCATED


@pytest.mark.parametrize("written", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_a_large_picture_of_one_colour_is_never_taken_for_a_bomb(
    tmp_path: Path, written: str
) -> None:
    options = {
        "PNG": {"compress_level": 9},
        "JPEG": {"quality": 1, "optimize": True, "progressive": True},
        "WEBP": {"lossless": True, "method": 0},
        "TIFF": {"compression": "tiff_adobe_deflate"},
        "AVIF": {"quality": 1, "speed": 10},
    }
    for mode in ("L", "RGB"):
        flat = Image.new(mode, (FLAT_SIDE, FLAT_SIDE), "white")
        image = seen(tmp_path, file_of(flat, written, **options.get(written, {})))
        assert image.size == flat.size
        assert image.convert("L").getextrema()[0] > 250


def test_a_bitmap_of_one_colour_is_never_taken_for_a_bomb(tmp_path: Path) -> None:
    data = file_of(Image.new("1", (7000, 7000), 1), "PNG", compress_level=9)
    assert len(data) < 20_000
    assert seen(tmp_path, data).size == (7000, 7000)


def test_too_many_bytes_are_refused_unread(tmp_path: Path) -> None:
    data = file_of(SMALL, "BMP")
    exactly = Limits(max_pixels=LIMITS.max_pixels, max_bytes=len(data), heic=True)
    assert seen(tmp_path, data, exactly).size == SMALL.size
    assert code_of(tmp_path, data + b"\0", exactly) == ErrorCode.TOO_MANY_BYTES


@pytest.mark.parametrize("kind", MANY_FRAMES)
def test_too_many_frames_are_refused_before_they_are_looked_at(tmp_path: Path, kind: str) -> None:
    flood = MANY_FRAMES[kind](20_000)
    started = time.process_time()
    assert code_of(tmp_path, flood) == ErrorCode.TOO_MANY_FRAMES
    assert time.process_time() - started < QUICKLY_SECONDS


@pytest.mark.parametrize("kind", MANY_FRAMES)
def test_as_many_frames_as_the_limit_says_are_accepted(tmp_path: Path, kind: str) -> None:
    limits = Limits(max_pixels=100, max_frames=5, heic=True)
    facts, image = known(tmp_path, MANY_FRAMES[kind](5), limits)
    assert (facts.frames, round(facts.seconds, 3)) == (5, 0.5)
    assert image.size == (1, 1)
    assert code_of(tmp_path, MANY_FRAMES[kind](6), limits) == ErrorCode.TOO_MANY_FRAMES


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_text_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path: Path, kind: bytes) -> None:
    started = time.process_time()
    assert seen(tmp_path, hostile.text_bomb(kind, 64)).size == (16, 16)
    assert time.process_time() - started < QUICKLY_SECONDS


def test_a_profile_that_unpacks_without_end_is_left_out(tmp_path: Path) -> None:
    assert seen(tmp_path, hostile.profile_bomb(50)).size == (16, 16)


def test_a_damaged_extra_of_a_png_does_not_cost_the_picture(tmp_path: Path) -> None:
    data = file_of(SMALL, "PNG")
    for kind in (b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tIME", b"eXIf", b"iCCP", b"acTL"):
        assert seen(tmp_path, with_chunks(data, (kind, b"\x01"))).tobytes() == SMALL.tobytes()


def test_many_large_tags_of_a_tiff_are_not_all_read(tmp_path: Path) -> None:
    started = time.process_time()
    assert seen(tmp_path, hostile.tiff_of_tags(20_000)).size == (8, 8)
    assert time.process_time() - started < 3 * QUICKLY_SECONDS


def test_a_tiff_that_leads_back_to_itself_ends(tmp_path: Path) -> None:
    data = bytearray(tiff((8, 8), bytes(192), bits=(8, 8, 8), photometric=2))
    directory = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[directory : directory + 2], "little")
    following = directory + 2 + 12 * count
    data[following : following + 4] = data[4:8]
    assert seen(tmp_path, bytes(data)).size == (8, 8)


@pytest.mark.parametrize("kind", CARRIERS)
def test_what_a_picture_carries_beside_its_pixels_is_in_no_variant(
    tmp_path: Path, kind: str
) -> None:
    data = CARRIERS[kind]
    assert PAYLOAD in data
    rendition = rendered(tmp_path, data)
    assert (rendition.source.width, rendition.source.height) == SMALL.size
    assert rendition.variants
    for each in rendition.variants:
        written = each.path.read_bytes()
        assert PAYLOAD not in written
        assert b"script" not in written
        assert b"PK\x03\x04" not in written
