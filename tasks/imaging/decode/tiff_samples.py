"""Rewrite a TIFF of an unusual layout as one that every decoder shows alike.

The bytes of each plane are unpacked by the usual decoder, which is told that they are greys of 8
bits; what they mean is worked out here, some rows at a time. The result has one strip of 8 bits
per sample (or 32, of greys), and the tags that say how the image lies and whose it is.
"""

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

from infra.contract.errors import ErrorCode, ImageRefused
from tasks.imaging.colour.to_srgb import to_srgb
from tasks.imaging.decode import tiff_layout
from tasks.imaging.decode.tiff_layout import Layout
from tasks.imaging.errors import too_many_pixels
from tasks.imaging.formats.tiff_directory import Tag
from tasks.imaging.transform.pixel_format import WHITES
from tasks.imaging.transform.plan import Plan
from tasks.imaging.transform.sizes import Size

_Numbers = npt.NDArray[Any]
_PIECE_SAMPLES = 1 << 20  # worked out at once
_PADDED = 4  # tiles may hold so many times the image, beside one tile's worth
_LARGEST_TILE_PX = 1 << 24
_PROFILE = 34675
_LUMA = (0.299, 0.587, 0.114)
_FULL_RANGE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
_OUTPUT_EXTRA = {"LA": 2, "RGBA": 2}
_OUTPUT_PHOTOMETRIC = {"L": 1, "LA": 1, "RGB": 2, "RGBA": 2, "CMYK": 5, "LAB": 8}


def rewritten(data: bytes, layout: Layout, max_pixels: int) -> bytes:
    """Return the same image in a plain layout.

    Raises `ImageRefused` (too_many_pixels) before anything is unpacked.
    """
    if layout.width * layout.height > max_pixels:
        raise too_many_pixels(layout.width, layout.height, max_pixels)
    if layout.tile is not None:
        _refuse_large_tiles(layout, *layout.tile)
    count = layout.samples if layout.planes else 1
    planes = [_unpacked(data, layout, plane) for plane in range(count)]
    if layout.bits == 32:
        return _laid_out(layout, *_wide(planes[0], layout))
    if layout.photometric == tiff_layout.CMYK and _alpha_at(layout) is not None:
        return _laid_out(layout, *_inks_with_alpha(planes, layout))
    pixels = b"".join(part.tobytes() for part in _shown(planes, layout))
    return _laid_out(layout, pixels, _mode(layout))


def _refuse_large_tiles(layout: Layout, across: int, down: int) -> None:
    padded = -(-layout.width // across) * across * (-(-layout.height // down) * down)
    if across * down > _LARGEST_TILE_PX or (
        padded > _PADDED * layout.width * layout.height + across * down
    ):
        raise ImageRefused(
            ErrorCode.UNSUPPORTED_FORMAT,
            "The tiles of the TIFF are far larger than its image; save it with strips.",
        )


def _alpha_at(layout: Layout) -> int | None:
    """Return which sample is the opacity."""
    for number, kind in enumerate(layout.extra, start=layout.colours):
        if kind != tiff_layout.UNSPECIFIED:
            return number
    return None


def _mode(layout: Layout) -> str:
    """Return Pillow's name for what comes out."""
    alpha = "" if _alpha_at(layout) is None else "A"
    match layout.photometric:
        case tiff_layout.WHITE_IS_ZERO | tiff_layout.BLACK_IS_ZERO:
            return f"L{alpha}"
        case tiff_layout.CMYK:
            return "CMYK"
        case tiff_layout.CIELAB | tiff_layout.ICCLAB:
            return "LAB"
        case _:
            return f"RGB{alpha}"


# --- From the file to bytes


def _unit(layout: Layout) -> tuple[int, int]:
    """Return pixels across and down that are stored together."""
    if layout.photometric == tiff_layout.YCBCR and not layout.planes:
        return layout.subsampling
    return 1, 1


def _row_bytes(layout: Layout) -> int:
    """Return the bytes of one stored row of a strip or tile."""
    width = layout.tile[0] if layout.tile else layout.width
    across, down = _unit(layout)
    if (across, down) != (1, 1):
        return -(-width // across) * (across * down + 2)
    return -(-width * layout.bits * _samples_together(layout) // 8)


def _samples_together(layout: Layout) -> int:
    return 1 if layout.planes else layout.samples


def _unpacked(data: bytes, layout: Layout, plane: int) -> Image.Image:
    """Return the stored bytes of one plane as an image of greys, tiles side by side."""
    _, down = _unit(layout)
    row_bytes = _row_bytes(layout)
    numbers = {
        tiff_layout.BITS: 8,
        tiff_layout.COMPRESSION: layout.compression,
        tiff_layout.PHOTOMETRIC: tiff_layout.BLACK_IS_ZERO,
        tiff_layout.FILL_ORDER: layout.fill_order,
        tiff_layout.SAMPLES: 1,
    }
    if layout.tile:
        across, tall = -(-layout.width // layout.tile[0]), layout.tile[1]
        parts_down = -(-layout.height // tall)
        parts, size = across * parts_down, (across * row_bytes, parts_down * tall // down)
        numbers |= {tiff_layout.TILE_WIDTH: row_bytes, tiff_layout.TILE_LENGTH: tall // down}
        lists = (tiff_layout.TILE_OFFSETS, tiff_layout.TILE_BYTES)
    else:
        parts, size = -(-layout.height // layout.rows), (row_bytes, -(-layout.height // down))
        numbers |= {tiff_layout.ROWS_PER_STRIP: -(-layout.rows // down)}
        lists = (tiff_layout.STRIP_OFFSETS, tiff_layout.STRIP_BYTES)
    numbers |= {tiff_layout.WIDTH: size[0], tiff_layout.HEIGHT: size[1]}
    order = "<" if layout.directory.little else ">"
    tags = [(number, 4, struct.pack(f"{order}I", value)) for number, value in numbers.items()]
    for number in lists:
        found = layout.directory.tags.get(number)
        if found is not None:
            tags.append((number, *_share(found, plane * parts, parts)))
    # Not through `Image.open`, which counts bytes as pixels: they were counted above.
    image = TiffImagePlugin.TiffImageFile(BytesIO(_appended(data, tags, order)))
    image.load()
    return image


def _share(tag: Tag, start: int, count: int) -> tuple[int, bytes]:
    """Return type and bytes of a plane's part of a list of whole numbers."""
    size = len(tag.raw) // tag.count if tag.count else 1
    raw = bytes(tag.raw[start * size : (start + count) * size])
    if size == 8:
        order = "<" if tag.little else ">"
        raw = np.frombuffer(raw, f"{order}u8").astype(f"{order}u4").tobytes()
    return (3 if size == 2 else 4), raw


def _appended(data: bytes, tags: list[tuple[int, int, bytes]], order: str) -> bytes:
    """Return a classic TIFF of the same bytes, its directory behind them."""
    place = len(data) + len(data) % 2
    entries, blocks = b"", b""
    blocks_at = place + 2 + 12 * len(tags) + 4
    for number, kind, raw in sorted(tags):
        size = {3: 2, 4: 4}.get(kind, 1)
        where = raw.ljust(4, b"\0")
        if len(raw) > 4:
            where = struct.pack(f"{order}I", blocks_at + len(blocks))
            blocks += raw + bytes(len(raw) % 2)
        entries += struct.pack(f"{order}HHI", number, kind, len(raw) // size) + where
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, place)
    directory = struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + blocks
    return b"".join((head, memoryview(data)[8:], bytes(len(data) % 2), directory))


# --- From bytes to samples


def _pieces(planes: list[Image.Image], layout: Layout) -> Iterator[_Numbers]:
    """Yield some rows at a time as numbers: row, column, sample."""
    _, down = _unit(layout)
    rows = max(1, _PIECE_SAMPLES // max(1, layout.width * layout.samples * down))
    stored_rows = -(-layout.height // down)
    for top in range(0, stored_rows, rows):
        bottom = min(stored_rows, top + rows)
        parts = [_numbers(plane, (top, bottom), layout) for plane in planes]
        joined = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
        yield joined[: layout.height - top * down, : layout.width]


def _numbers(plane: Image.Image, span: tuple[int, int], layout: Layout) -> _Numbers:
    piece = plane.crop((0, span[0], plane.width, span[1]))
    count, rows = _samples_together(layout), piece.height
    raw = np.frombuffer(piece.tobytes(), np.uint8).reshape(rows, -1, _row_bytes(layout))
    if _unit(layout) != (1, 1):
        return _of_units(raw, layout)
    width = layout.tile[0] if layout.tile else layout.width
    parts = raw.shape[1]
    found = _levels(raw, width * count, layout).reshape(rows, parts, width, count)
    if layout.predictor == 2:
        found = np.cumsum(found, axis=2, dtype=found.dtype)
    return found.reshape(rows, parts * width, count)


def _levels(raw: _Numbers, count: int, layout: Layout) -> _Numbers:
    """Return this many numbers of each row; those of less than 16 bits follow bit upon bit."""
    if layout.bits == 8:
        return raw
    order = "<" if layout.directory.little else ">"
    if layout.bits in (16, 32):
        stored = np.ascontiguousarray(raw).view(f"{order}u{layout.bits // 8}")
        return stored.astype(f"u{layout.bits // 8}")
    bits = np.unpackbits(raw, axis=2, count=count * layout.bits)
    bits = bits.reshape(*raw.shape[:2], count, layout.bits)
    found: _Numbers = np.zeros(bits.shape[:3], np.uint16)
    for number in range(layout.bits):
        found = found << 1 | bits[..., number]
    return found


def _of_units(raw: _Numbers, layout: Layout) -> _Numbers:
    """Spread units of luma and one pair of colours to pixels."""
    across, down = layout.subsampling
    rows, parts, row_bytes = raw.shape
    units = raw.reshape(rows, parts * row_bytes // (across * down + 2), across * down + 2)
    blocks = units[..., :-2].reshape(rows, -1, down, across).transpose(0, 2, 1, 3)
    luma = blocks.reshape(rows * down, -1)
    pairs = units[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
    return np.concatenate((luma[..., np.newaxis], pairs), axis=2)


# --- From samples to what is seen


def _shown(planes: list[Image.Image], layout: Layout) -> Iterator[_Numbers]:
    """Yield rows of 8 bits per sample, in the order of the mode."""
    alpha_at, scale = _alpha_at(layout), _scale(layout)
    for numbers in _pieces(planes, layout):
        colours = numbers[..., : layout.colours]
        match layout.photometric:
            case tiff_layout.PALETTE:
                colours = scale[colours[..., 0]]
            case tiff_layout.YCBCR:
                colours = _from_ycbcr(colours, layout)
            case tiff_layout.CIELAB | tiff_layout.ICCLAB:
                colours = (colours >> (layout.bits - 8)).astype(np.uint8)
                if layout.photometric == tiff_layout.ICCLAB:
                    colours[..., 1:] ^= 0x80  # CIELab has a sign
            case _:
                colours = scale[colours]
        if alpha_at is None:
            yield np.ascontiguousarray(colours)
            continue
        alpha = _to_8(layout)[numbers[..., alpha_at : alpha_at + 1]]
        if tiff_layout.ASSOCIATED in layout.extra:  # multiplied by it; rounded as Pillow does
            divided = colours.astype(np.uint16) * 255 // np.maximum(alpha, 1)
            divided[alpha[..., 0] == 0] = 0
            colours = np.minimum(divided, 255).astype(np.uint8)
        yield np.concatenate((colours, alpha), axis=2)


def _scale(layout: Layout) -> _Numbers:
    """Return what each number is in 8 bits: a level, or a colour of the palette."""
    if layout.photometric != tiff_layout.PALETTE:
        levels = _to_8(layout)
        return levels[::-1] if layout.photometric == tiff_layout.WHITE_IS_ZERO else levels
    tag = layout.directory.tags[tiff_layout.COLOUR_MAP]
    count = 1 << layout.bits
    found = np.array(tag.numbers(3 * count), np.uint16).reshape(3, count).T
    is_of_16_bits = found.max() > 255
    return (found // 256 if is_of_16_bits else found).astype(np.uint8)


def _to_8(layout: Layout) -> _Numbers:
    """Return the level of 8 bits for each number; colours of 16 bits lose half, as in Pillow."""
    top = 2**layout.bits - 1
    numbers = np.arange(top + 1, dtype=np.uint32)
    halves = layout.bits == 16 and layout.colours > 1
    levels: _Numbers = numbers >> 8 if halves else (numbers * 255 + top // 2) // top
    return levels.astype(np.uint8)


def _from_ycbcr(colours: _Numbers, layout: Layout) -> _Numbers:
    """Return red, green and blue by the file's own coefficients and range."""
    red, green, blue = _fractions(layout, tiff_layout.COEFFICIENTS, _LUMA)
    low_y, high_y, low_b, high_b, low_r, high_r = _fractions(
        layout, tiff_layout.REFERENCE, _FULL_RANGE
    )
    numbers = colours.astype(np.float32)
    luma = (numbers[..., 0] - low_y) * (255 / ((high_y - low_y) or 1))
    to_blue = (numbers[..., 1] - low_b) * (127 / ((high_b - low_b) or 1))
    to_red = (numbers[..., 2] - low_r) * (127 / ((high_r - low_r) or 1))
    r = luma + to_red * (2 - 2 * red)
    b = luma + to_blue * (2 - 2 * blue)
    g = (luma - red * r - blue * b) / (green or 1)
    rgb: _Numbers = np.clip(np.rint(np.stack((r, g, b), axis=2)), 0, 255).astype(np.uint8)
    return rgb


def _fractions(layout: Layout, number: int, default: tuple[float, ...]) -> tuple[float, ...]:
    tag = layout.directory.tags.get(number)
    found = tag.fractions() if tag is not None else ()
    return found if len(found) == len(default) else default


def _inks_with_alpha(planes: list[Image.Image], layout: Layout) -> tuple[bytes, str]:
    """Return RGBA: no mode has inks beside an opacity."""
    numbers = np.concatenate(list(_shown(planes, layout)))
    inks = Image.fromarray(np.ascontiguousarray(numbers[..., :4]), "CMYK")
    profile = layout.directory.tags.get(_PROFILE)
    if profile is not None:
        inks.info["icc_profile"] = bytes(profile.raw)
    colours = to_srgb(inks, Plan(Size(*inks.size), 1))
    colours.putalpha(Image.fromarray(np.ascontiguousarray(numbers[..., 4])))
    return colours.tobytes(), "RGBA"


def _wide(plane: Image.Image, layout: Layout) -> tuple[bytes, str]:
    """Return greys of 32 bits in the order of bytes that the decoder knows.

    Those without a sign it takes for signed ones: they become 8 bits here.
    """
    if layout.sample_format == tiff_layout.UNSIGNED:
        brightest = max(int(part.max()) for part in _pieces([plane], layout))
        white = next(white for white in WHITES[1:] if brightest <= white)
        parts = ((part * (255 / white) + 0.5).astype(np.uint8) for part in _pieces([plane], layout))
        return b"".join(part.tobytes() for part in parts), "L"
    pixels = b"".join(part.astype("<u4").tobytes() for part in _pieces([plane], layout))
    return pixels, "F" if layout.sample_format == tiff_layout.FLOAT else "I"


# --- The plain file


def _laid_out(layout: Layout, pixels: bytes, mode: str) -> bytes:
    bits = 32 if mode in ("F", "I") else 8
    samples = 1 if bits == 32 else len(pixels) // (layout.width * layout.height)
    kinds = [layout.sample_format if bits == 32 else 1] * samples
    numbers = {
        tiff_layout.WIDTH: (4, [layout.width]),
        tiff_layout.HEIGHT: (4, [layout.height]),
        tiff_layout.BITS: (3, [bits] * samples),
        tiff_layout.COMPRESSION: (3, [1]),
        tiff_layout.PHOTOMETRIC: (3, [_OUTPUT_PHOTOMETRIC.get(mode, layout.photometric)]),
        tiff_layout.STRIP_OFFSETS: (4, [8]),
        tiff_layout.SAMPLES: (3, [samples]),
        tiff_layout.ROWS_PER_STRIP: (4, [layout.height]),
        tiff_layout.STRIP_BYTES: (4, [len(pixels)]),
        tiff_layout.SAMPLE_FORMAT: (3, kinds),
    }
    if mode in _OUTPUT_EXTRA:
        numbers[tiff_layout.EXTRA_SAMPLES] = (3, [_OUTPUT_EXTRA[mode]])
    tags = [
        (number, kind, struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values))
        for number, (kind, values) in numbers.items()
    ]
    is_converted = layout.photometric == tiff_layout.CMYK and mode == "RGBA"
    for number in tiff_layout.KEPT:
        tag = layout.directory.tags.get(number)
        if tag is None or (is_converted and number == _PROFILE):
            continue
        raw = bytes(tag.raw)
        if tag.type in (3, 4) and not tag.little:
            size = 2 if tag.type == 3 else 4
            raw = np.frombuffer(raw, f">u{size}").astype(f"<u{size}").tobytes()
        tags.append((number, tag.type, raw))
    return _appended(b"".join((bytes(8), pixels)), tags, "<")
