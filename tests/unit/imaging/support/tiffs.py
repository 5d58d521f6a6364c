"""Write TIFFs of any layout from known samples, so that the right picture is known beforehand."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, TiffImagePlugin

Samples = npt.NDArray[Any]  # height, width, samples
NONE, LZW, JPEG, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 5, 7, 8, 32946, 32773
LZMA, ZSTD = 34925, 50000
_PILLOW_NAMES = {
    LZW: "tiff_lzw",
    DEFLATE: "tiff_adobe_deflate",
    OLD_DEFLATE: "tiff_deflate",
    PACKBITS: "packbits",
    LZMA: "lzma",
    ZSTD: "zstd",
}
_FLOAT, _TYPES = 3, {3: "H", 4: "I", 5: "II", 7: "B", 16: "Q"}


class Tag(NamedTuple):
    """A tag as it is written; a rational number takes two values."""

    number: int
    type: int
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Written:
    """How samples are laid out in a file; `subsampling` is that of YCbCr, across and down."""

    photometric: int
    bits: int = 8
    sample_format: int = 1
    planar: int = 1
    compression: int = NONE
    predictor: int = 1
    tile: tuple[int, int] | None = None
    rows: int = 4
    order: Literal["<", ">"] = "<"
    is_big: bool = False
    fill_order: int = 1
    subsampling: tuple[int, int] | None = None
    extra: tuple[int, ...] = ()
    more: tuple[Tag, ...] = field(default=())


def tiff_of(samples: Samples, layout: Written) -> bytes:
    """Return a file of these samples, whole numbers as the layout stores them, or broken ones."""
    height, width, count = samples.shape
    parts = list(_parts(samples, layout))
    tags = [
        Tag(256, 4, [width]),
        Tag(257, 4, [height]),
        Tag(258, 3, [layout.bits] * count),
        Tag(259, 3, [layout.compression]),
        Tag(262, 3, [layout.photometric]),
        Tag(277, 3, [count]),
        Tag(284, 3, [layout.planar]),
        Tag(339, 3, [layout.sample_format] * count),
        *layout.more,
    ]
    if layout.predictor != 1:
        tags.append(Tag(317, 3, [layout.predictor]))
    if layout.fill_order != 1:
        tags.append(Tag(266, 3, [layout.fill_order]))
    if layout.extra:
        tags.append(Tag(338, 3, layout.extra))
    if layout.subsampling:
        tags.append(Tag(530, 3, layout.subsampling))
    return _file(tags, parts, layout)


def _file(tags: list[Tag], parts: list[bytes], layout: Written) -> bytes:
    start = 16 if layout.is_big else 8
    offsets = [start + sum(map(len, parts[:number])) for number in range(len(parts))]
    lengths = [len(part) for part in parts]
    if layout.tile:
        tags += [Tag(322, 4, [layout.tile[0]]), Tag(323, 4, [layout.tile[1]])]
        tags += [Tag(324, 4, offsets), Tag(325, 4, lengths)]
    else:
        tags += [Tag(273, 4, offsets), Tag(278, 4, [layout.rows]), Tag(279, 4, lengths)]
    return framed(tags, b"".join(parts), order=layout.order, is_big=layout.is_big)


def framed(tags: Sequence[Tag], pixels: bytes, *, order: str = "<", is_big: bool = False) -> bytes:
    """Return a file of pixels, which lie right behind the header, and tags."""
    pixels += bytes(len(pixels) % 2)
    place = (16 if is_big else 8) + len(pixels)
    inline, word = (8, "Q") if is_big else (4, "I")
    directory_bytes = (16 + 20 * len(tags)) if is_big else (6 + 12 * len(tags))
    entries, blocks = b"", b""
    for number, kind, values in sorted(tags):
        code = _TYPES[kind][0]
        body = struct.pack(f"{order}{len(values)}{code}", *values)
        count = len(values) // len(_TYPES[kind])
        if len(body) > inline:
            where = struct.pack(f"{order}{word}", place + directory_bytes + len(blocks))
            blocks += body + bytes(len(body) % 2)
        else:
            where = body.ljust(inline, b"\0")
        entries += struct.pack(f"{order}HH{word}", number, kind, count) + where
    letters = b"II" if order == "<" else b"MM"
    head = (
        struct.pack(f"{order}HHHQ", 43, 8, 0, place)
        if is_big
        else struct.pack(f"{order}HI", 42, place)
    )
    size = struct.pack(f"{order}{'Q' if is_big else 'H'}", len(tags))
    return letters + head + pixels + size + entries + bytes(inline) + blocks


def _parts(samples: Samples, layout: Written) -> Any:
    """Yield the strips or tiles, packed and compressed, plane after plane."""
    planes = np.split(samples, samples.shape[2], axis=2) if layout.planar == 2 else [samples]
    for plane in planes:
        for part in _cut(plane, layout):
            if layout.subsampling and layout.subsampling != (1, 1):
                rows = _subsampled(part, *layout.subsampling)
            else:
                rows = _packed(part, layout)
            packed = _compressed(rows, layout)
            yield packed if layout.fill_order == 1 else _reversed(packed)


def _reversed(packed: bytes) -> bytes:
    """Return the bytes with the first bit last."""
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    return np.packbits(bits, bitorder="little").tobytes()


def _cut(plane: Samples, layout: Written) -> Any:
    height, width, _ = plane.shape
    if layout.tile is None:
        for top in range(0, height, layout.rows):
            yield plane[top : top + layout.rows]
        return
    across, down = layout.tile
    padding = ((0, -height % down), (0, -width % across), (0, 0))
    padded = np.pad(plane, padding, mode="edge")
    for top in range(0, height, down):
        for left in range(0, width, across):
            yield padded[top : top + down, left : left + across]


def _packed(part: Samples, layout: Written) -> npt.NDArray[np.uint8]:
    rows, _, count = part.shape
    if layout.bits in (16, 32, 64):
        kind = "f" if layout.sample_format == _FLOAT else "u"
        part = part.astype(f"=f{layout.bits // 8}") if kind == "f" else part.astype(np.int64)
        if kind == "u":
            part = part.astype(f"=u{layout.bits // 8}")
        if layout.predictor == 2:
            part = np.diff(part, axis=1, prepend=np.zeros_like(part[:, :1]))
        if layout.predictor == 3:
            planes = part.reshape(rows, -1).astype(f">f{layout.bits // 8}").view(np.uint8)
            planes = planes.reshape(rows, -1, layout.bits // 8).transpose(0, 2, 1).reshape(rows, -1)
            return np.concatenate(
                [planes[:, :count], (planes[:, count:] - planes[:, :-count])], axis=1
            )
        ordered = part.astype(part.dtype.newbyteorder(layout.order))
        return ordered.reshape(rows, -1).view(np.uint8).reshape(rows, -1)
    levels = (part.astype(np.int64) & (2**layout.bits - 1)).astype(np.uint32)
    if layout.predictor == 2:
        levels = np.diff(levels, axis=1, prepend=np.zeros_like(levels[:, :1])) & 0xFF
    flat = levels.reshape(rows, -1, 1)
    bits = (flat >> np.arange(layout.bits - 1, -1, -1, dtype=np.uint32) & 1).astype(np.uint8)
    return np.packbits(bits.reshape(rows, -1), axis=1)


def _subsampled(part: Samples, across: int, down: int) -> npt.NDArray[np.uint8]:
    """Return units of luma and one pair of chroma; the chroma of a block is its mean."""
    padding = ((0, -part.shape[0] % down), (0, -part.shape[1] % across), (0, 0))
    part = np.pad(part, padding, mode="edge").astype(np.uint8)
    rows, columns = part.shape[0] // down, part.shape[1] // across
    blocks = part.reshape(rows, down, columns, across, 3).transpose(0, 2, 1, 3, 4)
    luma = blocks[..., 0].reshape(rows, columns, -1)
    chroma = np.rint(blocks[..., 1:].mean(axis=(2, 3))).astype(np.uint8)
    return np.concatenate([luma, chroma], axis=2).reshape(rows, -1)


def _compressed(rows: npt.NDArray[np.uint8], layout: Written) -> bytes:
    """Return the rows as the encoder of libtiff packs bytes; it need not know what they mean."""
    if layout.compression == NONE:
        return rows.tobytes()
    buffer = BytesIO()
    name = _PILLOW_NAMES[layout.compression]
    picture = Image.fromarray(rows)
    picture.save(buffer, "TIFF", compression=name, strip_size=rows.size)
    with Image.open(buffer) as written:
        assert isinstance(written, TiffImagePlugin.TiffImageFile)
        (at,), (size,) = written.tag_v2[273], written.tag_v2[279]
    return buffer.getvalue()[at : at + size]
