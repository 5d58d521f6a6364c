"""The layouts of BMP: each is shown as it is meant, or refused by its name."""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from infra.contract.errors import ErrorCode, ImageRefused
from tests.unit.imaging.support.front import code_of, known

WIDTH, HEIGHT = 21, 10  # rows of no multiple of four bytes
PLAIN, RLE8, RLE4, BITFIELDS, JPEG, PNG, ALPHA_BITFIELDS = range(7)
Levels = npt.NDArray[np.int64]  # height, width, RGB or RGBA, 0 to 255

_down, _across = np.mgrid[0:HEIGHT, 0:WIDTH]
COLOURS: Levels = np.stack(
    (_across * 12, _down * 25, (_across * 3 + _down * 5) % 11 * 25), axis=2
).astype(np.int64)
OPACITY: Levels = np.minimum(255, 60 + _across * 12)[..., np.newaxis].astype(np.int64)
INDICES: Levels = (_across * 2 + _down * 3).astype(np.int64)
RGB555, RGB565 = (0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)


def file_of(
    rows: list[bytes], bits: int, compression: int = PLAIN, *, header: int = 40, more: bytes = b""
) -> bytes:
    """Return a BMP of rows from the top; `more` are the masks and the palette behind 40 bytes."""
    pixels = b"".join(row + bytes(-len(row) % 4) for row in reversed(rows))
    return _framed(pixels, _information(header, bits, compression) + more, header)


def _information(header: int, bits: int, compression: int, colours: int = 0) -> bytes:
    if header == 12:
        return struct.pack("<IHHHH", header, WIDTH, HEIGHT, 1, bits)
    return struct.pack(
        "<IiiHHIIiiII", header, WIDTH, HEIGHT, 1, bits, compression, 0, 0, 0, colours, 0
    )


def _framed(pixels: bytes, front: bytes, header: int) -> bytes:
    front = front.ljust(header, b"\0")
    start = 14 + len(front)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + front + pixels


def packed(indices: Levels, bits: int) -> list[bytes]:
    """Return rows of palette indices, the first pixel in the highest bits."""
    each = 8 // bits
    padded = np.pad(indices, ((0, 0), (0, -indices.shape[1] % each)))
    parts = padded.reshape(len(padded), -1, each) << np.arange(each - 1, -1, -1) * bits
    return [row.astype(np.uint8).tobytes() for row in parts.sum(axis=2)]


def fields(levels: Levels, masks: tuple[int, ...], bits: int) -> list[bytes]:
    """Return rows of pixels whose samples lie where the masks say."""
    pixels = np.zeros((HEIGHT, WIDTH), np.int64)
    for channel, mask in enumerate(masks):
        if mask:
            top = mask // (mask & -mask)
            pixels |= np.rint(levels[..., channel] / 255 * top).astype(np.int64) * (mask & -mask)
    stored = pixels.astype("<u4").view(np.uint8).reshape(HEIGHT, WIDTH, 4)
    return [row.tobytes() for row in stored[..., : bits // 8]]


def palette(count: int, entry: int = 4) -> tuple[Levels, bytes]:
    """Return colours, and how a file of entries of 3 or 4 bytes tells them."""
    colours = np.random.default_rng(count).integers(0, 256, (count, 3))
    stored = b"".join(bytes(row[::-1].astype(np.uint8)).ljust(entry, b"\0") for row in colours)
    return colours, stored


def masked(masks: tuple[int, ...], bits: int, header: int = 40) -> bytes:
    """Return a BMP of bit fields; masks of zero are no samples."""
    beside = np.concatenate((COLOURS, OPACITY), axis=2)
    told = struct.pack(f"<{len(masks)}I", *masks)
    return file_of(fields(beside, masks, bits), bits, BITFIELDS, header=header, more=told)


def looks(directory: Path, data: bytes, shown: Levels, tolerance: int = 0) -> None:
    """Compare what is seen, opacity too where there is one."""
    mode = "RGBA" if shown.shape[2] == 4 else "RGB"
    found = np.asarray(known(directory, data)[1].convert(mode)).astype(int)
    assert found.shape == shown.shape
    assert np.abs(found - shown).max() <= tolerance


@pytest.mark.parametrize("header", [12, 40, 52, 56, 64, 108, 124])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_palettes_are_followed(tmp_path: Path, bits: int, header: int) -> None:
    colours, stored = palette(2**bits, 3 if header == 12 else 4)
    indices = INDICES % 2**bits
    front = _information(header, bits, PLAIN).ljust(header, b"\0") + stored
    data = file_of(packed(indices, bits), bits, header=header, more=b"")
    pixels = data[14 + header :]
    looks(tmp_path, _framed(pixels, front, header), colours[indices])


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_black_and_white_of_any_bits_are_told_apart(tmp_path: Path, bits: int) -> None:
    indices = INDICES % 2
    pixels = b"".join(row + bytes(-len(row) % 4) for row in reversed(packed(indices, bits)))
    front = _information(40, bits, PLAIN, colours=2) + b"\0\0\0\0\xff\xff\xff\0"
    shown = np.repeat(indices[..., np.newaxis] * 255, 3, axis=2)
    looks(tmp_path, _framed(pixels, front, 40), shown)


@pytest.mark.parametrize("header", [12, 40, 64, 124])
@pytest.mark.parametrize("bits", [24, 32])
def test_whole_bytes_are_shown(tmp_path: Path, bits: int, header: int) -> None:
    rows = fields(COLOURS, (0xFF0000, 0xFF00, 0xFF), bits)
    looks(tmp_path, file_of(rows, bits, header=header), COLOURS)


def test_rows_may_run_down(tmp_path: Path) -> None:
    data = bytearray(file_of(fields(COLOURS[::-1], (0xFF0000, 0xFF00, 0xFF), 24), 24))
    data[22:26] = struct.pack("<i", -HEIGHT)
    looks(tmp_path, bytes(data), COLOURS)


@pytest.mark.parametrize("masks", [RGB555, RGB565])
@pytest.mark.parametrize("header", [40, 56, 124])
def test_fields_of_16_bits_are_shown(tmp_path: Path, masks: tuple[int, ...], header: int) -> None:
    looks(tmp_path, masked(masks, 16, header), COLOURS, tolerance=8)


def test_16_bits_without_masks_are_5_each(tmp_path: Path) -> None:
    looks(tmp_path, file_of(fields(COLOURS, RGB555, 16), 16), COLOURS, tolerance=8)


@pytest.mark.parametrize("header", [56, 108, 124])
@pytest.mark.parametrize(
    "masks", [(0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF, 0xFF00, 0xFF0000, 0xFF000000)]
)
def test_an_alpha_mask_is_followed(tmp_path: Path, masks: tuple[int, ...], header: int) -> None:
    beside = np.concatenate((COLOURS, OPACITY), axis=2)
    looks(tmp_path, masked(masks, 32, header), beside)


def run_lengths(indices: Levels, bits: int) -> bytes:
    """Return rows of pairs of one pixel each, from the bottom."""
    rows = [
        b"".join(bytes((1, index << 4 if bits == 4 else index)) for index in row) + b"\0\0"
        for row in indices[::-1].tolist()
    ]
    return b"".join(rows) + b"\0\1"


@pytest.mark.parametrize(("bits", "compression"), [(8, RLE8), (4, RLE4)])
def test_run_lengths_are_unpacked(tmp_path: Path, bits: int, compression: int) -> None:
    colours, stored = palette(2**bits)
    indices = INDICES % 2**bits
    front = _information(40, bits, compression) + stored
    looks(tmp_path, _framed(run_lengths(indices, bits), front, 40), colours[indices])


@pytest.mark.parametrize(("bits", "compression"), [(8, RLE8), (4, RLE4)])
def test_run_lengths_may_end_early_and_skip_pixels(
    tmp_path: Path, bits: int, compression: int
) -> None:
    colours, stored = palette(2**bits)
    front = _information(40, bits, compression) + stored
    shown = np.zeros((HEIGHT, WIDTH), np.int64)
    level = 0x33 if bits == 4 else 3
    shown[-1, :5] = shown[-3, 7:9] = 3
    runs = bytes((5, level, 0, 2, 2, 2, 2, level))  # five, two across and up, and two more
    data = _framed(runs + b"\0\1", front, 40)
    looks(tmp_path, data, colours[shown])
    for length in (1, 2, 3, 4, 6):
        assert code_of(tmp_path, data[:-length]) == ErrorCode.TRUNCATED


@pytest.mark.parametrize("header", [12, 40, 124])
@pytest.mark.parametrize("step", [1, 17])
def test_a_palette_of_16_greys_is_followed(tmp_path: Path, header: int, step: int) -> None:
    levels = np.arange(16) * step
    stored = b"".join(bytes([level] * 3).ljust(3 if header == 12 else 4, b"\0") for level in levels)
    front = _information(header, 4, PLAIN).ljust(header, b"\0") + stored
    indices = INDICES % 16
    pixels = b"".join(row + bytes(-len(row) % 4) for row in reversed(packed(indices, 4)))
    shown = np.repeat(levels[indices][..., np.newaxis], 3, axis=2)
    looks(tmp_path, _framed(pixels, front, header), shown, tolerance=1)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (file_of([bytes(6)] * HEIGHT, 2), "2 bits per pixel"),
        (masked((0xF00, 0xF0, 0xF), 16), "the bit masks F00, F0, F, 0"),
        (masked((*RGB555, 0x8000), 16, 124), "the bit masks 7C00, 3E0, 1F, 8000"),
        (masked((0x3FF00000, 0xFFC00, 0x3FF), 32), "32 bits per pixel with the bit masks"),
        (file_of([bytes(84)] * HEIGHT, 32, ALPHA_BITFIELDS), "an alpha mask of their own"),
        (file_of([b"\xff\xd8\xff"], 0, JPEG), "a JPEG"),
        (file_of([b"\x89PNG"], 0, PNG), "a PNG"),
        (file_of([bytes(3)] * HEIGHT, 1, 3, header=64), "Huffman-coded rows"),
        (file_of([bytes(63)] * HEIGHT, 24, 4, header=64), "run lengths of 24 bits"),
        (file_of([bytes(63)] * HEIGHT, 24, 11), "compression 11"),
        (file_of([bytes(63)] * HEIGHT, 24, RLE8), "run lengths of 24 bits per pixel"),
    ],
)
def test_any_other_layout_is_refused_by_its_name(tmp_path: Path, data: bytes, named: str) -> None:
    with pytest.raises(ImageRefused) as caught:
        known(tmp_path, data)
    assert caught.value.code == ErrorCode.UNSUPPORTED_FORMAT
    assert named in caught.value.detail
