"""Millions of tiny parts are refused before they take seconds, and real files stay far below."""

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.contract.errors import ErrorCode
from tasks.imaging.formats.riff_and_png import MOST_CHUNKS
from tasks.imaging.models import Limits
from tests.unit.imaging.support.front import LIMITS, code_of, seen
from tests.unit.imaging.support.hostile import file_of, gif_of, riff, riff_chunk
from tests.unit.imaging.support.odd import png_chunk
from tests.unit.imaging.support.pictures import photo
from tests.unit.imaging.support.unfinished import packed_png, plain_rows

QUICKLY_SECONDS = 1.5  # of CPU; without a limit these take 3 to 11
SMALL = photo(48, 32)
_PNG_HEAD_BYTES, _GIF_HEAD_BYTES = 33, 19


def _png_of(kind: bytes) -> bytes:
    whole = file_of(SMALL, "PNG")
    return whole[:_PNG_HEAD_BYTES] + png_chunk(kind, b"") * 800_000 + whole[_PNG_HEAD_BYTES:]


def _webp_of_chunks() -> bytes:
    return riff(file_of(SMALL, "WEBP")[12:] + riff_chunk(b"EVIL", b"") * 1_200_000)


def _gif_of(noise: bytes) -> bytes:
    whole = gif_of(1)
    return whole[:_GIF_HEAD_BYTES] + noise + whole[_GIF_HEAD_BYTES:]


FLOODS: dict[str, Callable[[], bytes]] = {
    "private chunks": lambda: _png_of(b"evIl"),
    "empty pixel chunks": lambda: _png_of(b"IDAT"),
    "chunks of a WebP": _webp_of_chunks,
    "stray bytes of a GIF": lambda: _gif_of(b"\x01" * 10_000_000),
    "empty comments of a GIF": lambda: _gif_of(b"!\xfe\0" * 3_000_000),
    "stray bytes after a GIF's frames": lambda: gif_of(3)[:-1] + bytes(10_000_000),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_tiny_parts_is_refused_early(tmp_path: Path, kind: str) -> None:
    data = FLOODS[kind]()
    started = time.process_time()
    assert code_of(tmp_path, data) == ErrorCode.CORRUPT
    assert time.process_time() - started < QUICKLY_SECONDS


def test_the_largest_file_in_chunks_of_8_kb_is_far_below_the_limit() -> None:
    assert Limits(max_pixels=1).max_bytes // 8192 * 4 <= MOST_CHUNKS


def test_a_png_of_many_small_chunks_is_shown(tmp_path: Path) -> None:
    picture = photo(400, 300)
    length = len(zlib.compress(plain_rows(picture)))
    data = packed_png(picture.size, plain_rows(picture), chunk_bytes=max(1, length // 40_000))
    assert seen(tmp_path, data, LIMITS).tobytes() == picture.tobytes()


def test_some_stray_bytes_of_a_gif_do_not_matter(tmp_path: Path) -> None:
    assert seen(tmp_path, _gif_of(b"\x01" * 5000)).size == (1, 1)
    assert seen(tmp_path, gif_of(2) + struct.pack("<Q", 0) * 100_000).size == (1, 1)
