"""A camera's raw file is refused: its first directory is a small preview of the picture."""

from pathlib import Path

import pytest

from infra.contract.errors import ErrorCode, ImageRefused
from tests.unit.imaging.support.front import seen
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.odd import tiff
from tests.unit.imaging.support.pictures import photo


def _tiff(*more: tuple[int, int, list[int]], photometric: int = 2) -> bytes:
    return tiff((8, 8), bytes(192), bits=(8, 8, 8), photometric=photometric, more=more)


def _canon() -> bytes:
    """Return a TIFF with Canon's letters, a version and a place behind its header."""
    pixels = b"CR\x02\0" + bytes(4) + bytes(184)
    return tiff((8, 8), pixels, bits=(8, 8, 8), photometric=2)


RAW = {
    "DNG": _tiff((50706, 3, [1, 4, 0, 0])),
    "CR2": _canon(),
    "NEF": _tiff((254, 4, [1])),
    "a colour filter array": _tiff(photometric=32803),
}


@pytest.mark.parametrize("kind", RAW)
def test_a_raw_file_is_refused_with_advice(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        seen(tmp_path, RAW[kind])
    assert caught.value.code == ErrorCode.UNSUPPORTED_FORMAT
    assert "raw file" in caught.value.detail
    assert "export an image" in caught.value.detail


@pytest.mark.parametrize("subfile", [0, 2])
def test_a_page_of_an_ordinary_tiff_is_shown(tmp_path: Path, subfile: int) -> None:
    assert seen(tmp_path, _tiff((254, 4, [subfile]))).size == (8, 8)


@pytest.mark.parametrize("big", [False, True])
def test_what_pillow_writes_as_tiff_is_not_raw(tmp_path: Path, *, big: bool) -> None:
    assert seen(tmp_path, file_of(photo(40, 30), "TIFF", big_tiff=big)).size == (40, 30)


@pytest.mark.parametrize("cut", range(9, 60, 3))
def test_a_damaged_directory_is_the_decoders_to_refuse(tmp_path: Path, cut: int) -> None:
    whole = _tiff()
    with pytest.raises(ImageRefused) as caught:
        seen(tmp_path, whole[: len(whole) - cut])
    assert caught.value.code in (ErrorCode.CORRUPT, ErrorCode.TRUNCATED)
