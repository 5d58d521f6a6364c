"""A file that lacks a part of its pixels is refused, however well it is formed."""

import zlib
from pathlib import Path
from random import Random

import pytest
from PIL import Image

from infra.contract.errors import ErrorCode
from tasks.imaging.formats.riff_and_png import webp_chunks
from tests.unit.imaging.support.front import code_of, known, seen
from tests.unit.imaging.support.hostile import file_of, riff, riff_chunk
from tests.unit.imaging.support.odd import heic, with_chunks
from tests.unit.imaging.support.pictures import photo
from tests.unit.imaging.support.unfinished import (
    interlaced_rows,
    moving,
    packed_png,
    parted_tiff,
    plain_rows,
    stopped,
)

PICTURE = photo(90, 64)
SHARES = [0.1, 0.4, 0.7, 0.9]
LARGE = photo(600, 400)
SEQUENCE = [photo(200, 160), photo(160, 200).resize((200, 160)), photo(100, 160).resize((200, 160))]
PREALLOCATED = {
    "WebP": file_of(LARGE, "WEBP"),
    "WebP with alpha": file_of(LARGE.convert("RGBA"), "WEBP", exact=True),
    "WebP, animated": moving(SEQUENCE, "WEBP"),
    "WebP with EXIF": file_of(LARGE, "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
    "AVIF": file_of(LARGE, "AVIF"),
    "AVIF, animated": moving(SEQUENCE, "AVIF"),
    "HEIC": heic(LARGE),
    "JPEG": file_of(LARGE, "JPEG"),
    "JPEG, progressive": file_of(LARGE, "JPEG", progressive=True),
}


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.125, 0.5, 0.99])
def test_a_png_whose_stream_ends_early_is_refused(
    tmp_path: Path, share: float, *, interlaced: bool
) -> None:
    rows = interlaced_rows(PICTURE) if interlaced else plain_rows(PICTURE)
    part = rows[: int(len(rows) * share)]
    data = packed_png(PICTURE.size, part, interlaced=interlaced)
    assert code_of(tmp_path, data) == ErrorCode.TRUNCATED
    assert code_of(tmp_path, with_chunks(data, (b"tEXt", b"Title\0x"))) == ErrorCode.TRUNCATED


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 5), (9, 1), (90, 64)])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_with_all_its_rows_is_shown(
    tmp_path: Path, size: tuple[int, int], *, interlaced: bool
) -> None:
    picture = PICTURE.crop((0, 0, *size))
    rows = interlaced_rows(picture) if interlaced else plain_rows(picture)
    for chunk_bytes in (1, 7, 100_000):
        data = packed_png(size, rows, interlaced=interlaced, chunk_bytes=chunk_bytes)
        assert seen(tmp_path, data).tobytes() == picture.tobytes()
    assert code_of(tmp_path, packed_png(size, rows[:-1], interlaced=interlaced)) == (
        ErrorCode.TRUNCATED
    )


def test_more_than_the_rows_of_a_png_does_not_matter(tmp_path: Path) -> None:
    data = packed_png(PICTURE.size, plain_rows(PICTURE) + bytes(1_000_000))
    assert seen(tmp_path, data).tobytes() == PICTURE.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_counted_rightly(tmp_path: Path, mode: str) -> None:
    grey = mode == "I;16"
    picture = Image.new(mode, (13, 11), 40_000) if grey else PICTURE.crop((0, 0, 13, 11))
    data = file_of(picture if grey else picture.convert(mode), "PNG")
    assert seen(tmp_path, data).size == (13, 11)


def test_a_damaged_stream_stays_the_decoders_to_refuse(tmp_path: Path) -> None:
    rows = bytearray(zlib.compress(plain_rows(PICTURE)))
    rows[len(rows) // 2 :] = b"\xff" * (len(rows) - len(rows) // 2)
    whole = packed_png(PICTURE.size, plain_rows(PICTURE), chunk_bytes=1_000_000)
    cut = whole[: len(whole) // 2]
    assert code_of(tmp_path, cut) == ErrorCode.TRUNCATED
    stream = zlib.compress(plain_rows(PICTURE))
    damaged = whole.replace(stream, bytes(rows))
    assert code_of(tmp_path, damaged) == ErrorCode.CORRUPT


@pytest.mark.parametrize(
    ("part", "needed", "planes"),
    [((0, 8), 8, 1), ((0, 10), 7, 1), ((0, 8), 24, 3), ((32, 16), 12, 1), ((32, 16), 36, 3)],
)
def test_a_tiff_without_all_strips_or_tiles_is_refused(
    tmp_path: Path, part: tuple[int, int], needed: int, planes: int
) -> None:
    whole = parted_tiff(PICTURE.size, part, parts=needed, planes=planes)
    assert seen(tmp_path, whole).convert("L").getextrema() == (120, 120)
    for parts in (needed - 1, 2):
        data = parted_tiff(PICTURE.size, part, parts=parts, planes=planes)
        assert code_of(tmp_path, data) == ErrorCode.TRUNCATED


def test_a_tiff_that_says_no_height_of_strips_has_one(tmp_path: Path) -> None:
    data = parted_tiff(PICTURE.size, None, parts=1)
    assert seen(tmp_path, data).convert("L").getextrema() == (120, 120)
    planes = parted_tiff(PICTURE.size, None, parts=2, planes=3)
    assert code_of(tmp_path, planes) == ErrorCode.TRUNCATED


@pytest.mark.parametrize("order", ["little", "big"])
def test_what_pillow_writes_as_tiff_has_all_its_strips(tmp_path: Path, order: str) -> None:
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        options = {"strip_size": 2000, "big_tiff": order == "big"}
        data = file_of(LARGE, "TIFF", compression=compression, **options)
        assert seen(tmp_path, data).size == LARGE.size


@pytest.mark.parametrize("kind", PREALLOCATED)
@pytest.mark.parametrize("share", SHARES)
def test_a_file_that_was_not_written_to_its_end_is_refused(
    tmp_path: Path, kind: str, share: float
) -> None:
    whole = PREALLOCATED[kind]
    assert known(tmp_path, whole)[0].bytes == len(whole)
    refused = code_of(tmp_path, stopped(whole, share))
    assert refused in (ErrorCode.TRUNCATED, ErrorCode.CORRUPT)
    if kind in ("AVIF", "HEIC", "WebP") and share > SHARES[0]:
        assert refused == ErrorCode.TRUNCATED


@pytest.mark.parametrize("lossless", [False, True])
def test_a_webp_that_rightly_ends_in_zeros_is_shown(tmp_path: Path, *, lossless: bool) -> None:
    picture = Image.new("RGB", (1000, 1000), "white" if lossless else "black")
    noise = Image.frombytes("RGB", (1000, 300), Random(1).randbytes(900_000))
    picture.paste(photo(500, 300) if lossless else noise, (0, 0))
    data = file_of(picture, "WEBP", lossless=lossless, method=0, quality=0)
    (body,) = (body for kind, body in webp_chunks(data) if kind in (b"VP8 ", b"VP8L"))
    assert not any(body[-1024:])
    assert seen(tmp_path, data).size == picture.size
    frames = moving([picture, photo(1000, 1000), picture], "WEBP", lossless=lossless)
    assert known(tmp_path, frames)[0].frames == 3


def test_a_webp_whose_metadata_end_in_zeros_is_shown(tmp_path: Path) -> None:
    still = file_of(PICTURE, "WEBP")[12:]
    sides = b"".join((side - 1).to_bytes(3, "little") for side in PICTURE.size)
    extended = riff_chunk(b"VP8X", b"\x08\0\0\0" + sides) + still
    data = riff(extended + riff_chunk(b"EXIF", b"II*\0\x08\0\0\0" + bytes(5000)))
    assert seen(tmp_path, data).size == PICTURE.size


@pytest.mark.parametrize("written", ["AVIF", "HEIC", "WEBP"])
@pytest.mark.parametrize("colour", ["black", "white", (0, 255, 0)])
def test_a_flat_picture_is_never_taken_for_an_unfinished_one(
    tmp_path: Path, written: str, colour: str
) -> None:
    for picture in (Image.new("RGB", (800, 700), colour), Image.new("RGBA", (800, 700))):
        data = heic(picture) if written == "HEIC" else file_of(picture, written, quality=10)
        assert seen(tmp_path, data).size == picture.size
