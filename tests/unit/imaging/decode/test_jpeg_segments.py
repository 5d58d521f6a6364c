"""A JPEG is read as browsers read it, however its notes are written and whatever follows it."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.formats.jpeg import has_more_scans
from tests.unit.imaging.support.front import code_of, seen
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.pictures import photo

JFIF = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
PICTURE = photo(64, 48)
MANY_SCANS, A_FEW_SECONDS = 30_000, 3.0
MIB = 1024**2


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + (len(body) + 2).to_bytes(2, "big") + body


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """Return a JPEG with another segment in front."""
    return data[:2] + segment(marker, body) + data[2:]


def without_jfif() -> bytes:
    data = file_of(PICTURE, "JPEG")
    return data[:2] + data[2 + len(segment(0xE0, JFIF)) :]


def pixels(directory: Path, data: bytes) -> bytes:
    return seen(directory, data).tobytes()


@pytest.mark.parametrize("length", range(len(JFIF) + 1))
def test_a_jfif_segment_may_be_short(tmp_path: Path, length: int) -> None:
    data = without_jfif()
    shortened = with_segment(data, 0xE0, JFIF[:length])
    assert pixels(tmp_path, shortened) == pixels(tmp_path, data)


@pytest.mark.parametrize("marker", [*range(0xE0, 0xF0), 0xFE])
def test_a_note_may_end_anywhere(tmp_path: Path, marker: int) -> None:
    data = file_of(PICTURE, "JPEG")
    whole = pixels(tmp_path, data)
    for name in (b"", b"JFXX\0", b"Exif\0\0", b"MPF\0", b"FPXR\0", b"ICC_PROFILE\0\1\1"):
        for length in range(len(name)):
            assert pixels(tmp_path, with_segment(data, marker, name[:length])) == whole
    for length in range(7):
        assert pixels(tmp_path, with_segment(data, marker, b"Adobe\0d"[:length])) == whole


@pytest.mark.parametrize("marker", [b"\xff\xdb", b"\xff\xc0", b"\xff\xc4", b"\xff\xda"])
def test_bytes_may_fill_the_room_before_a_marker(tmp_path: Path, marker: bytes) -> None:
    data = file_of(PICTURE, "JPEG")
    filled = data.replace(marker, b"\xff\xff\xff" + marker)
    assert pixels(tmp_path, filled) == pixels(tmp_path, data)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mebibytes", [4, 16, 48])
def test_a_film_may_follow_the_picture(
    tmp_path: Path, mebibytes: int, *, progressive: bool
) -> None:
    data = file_of(PICTURE, "JPEG", progressive=progressive)
    film = np.random.default_rng(mebibytes).bytes(mebibytes * MIB)
    assert film.count(b"\xff\xda") > 10 * mebibytes
    assert pixels(tmp_path, data + film) == pixels(tmp_path, data)


def test_restart_marks_within_the_pixels_are_no_segments(tmp_path: Path) -> None:
    data = file_of(PICTURE, "JPEG", restart_marker_blocks=1)
    assert data.count(b"\xff\xd3") >= 1
    assert seen(tmp_path, data).size == PICTURE.size


def test_scans_are_counted_up_to_the_end_of_the_picture() -> None:
    data = file_of(PICTURE, "JPEG", progressive=True)
    scans = data.count(b"\xff\xda")
    assert has_more_scans(data, scans - 1)
    assert not has_more_scans(data, scans)
    assert not has_more_scans(data + data, scans)
    assert not has_more_scans(with_segment(data, 0xE5, data), scans)


@pytest.mark.parametrize("hiding", [b"", b"\xff\x02\xff\xff", b"\xff\x02\xff\xff\xff\xd0"])
def test_scans_cannot_hide(tmp_path: Path, hiding: bytes) -> None:
    data = file_of(PICTURE, "JPEG", progressive=True)
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    hostile = data[:-2] + (hiding + scan * 3) * (MANY_SCANS // 3) + data[-2:]
    started = time.process_time()
    assert code_of(tmp_path, hostile) == ErrorCode.CORRUPT
    assert time.process_time() - started < A_FEW_SECONDS


def test_a_flood_of_segments_is_refused_soon(tmp_path: Path) -> None:
    flood = segment(0xEB, b"") * (MIB // 2)
    data = file_of(PICTURE, "JPEG")
    started = time.process_time()
    assert code_of(tmp_path, data[:2] + flood + data[2:]) == ErrorCode.CORRUPT
    assert time.process_time() - started < A_FEW_SECONDS


@pytest.mark.parametrize(
    ("marker", "bits", "components", "told"),
    [
        (0xC1, 12, 3, "12 bits"),
        (0xC3, 8, 3, "without loss"),
        (0xC3, 16, 1, "without loss"),
        (0xC5, 8, 3, "hierarchy"),
        (0xC0, 8, 2, "2 components"),
        (0xC0, 8, 5, "5 components"),
    ],
)
def test_a_rare_kind_of_jpeg_is_refused_by_its_name(
    tmp_path: Path, marker: int, bits: int, components: int, told: str
) -> None:
    data = bytearray(file_of(PICTURE, "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 1], data[place + 4], data[place + 9] = marker, bits, components
    with pytest.raises(ImageRefused) as caught:
        seen(tmp_path, bytes(data))
    assert caught.value.code == ErrorCode.UNSUPPORTED_FORMAT
    assert told in caught.value.detail


def test_a_jpeg_without_loss_of_its_colours_is_shown(tmp_path: Path) -> None:
    image = seen(
        tmp_path, file_of(Image.new("RGB", (16, 16), (200, 60, 90)), "JPEG", keep_rgb=True)
    )
    found = image.getpixel((3, 3))
    assert isinstance(found, tuple)
    assert all(abs(a - b) <= 3 for a, b in zip(found, (200, 60, 90), strict=True))
