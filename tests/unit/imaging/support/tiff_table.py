"""The layouts of TIFF that are told apart, each with a file and with what it shows.

What a file shows is known from its making. `tiff_second_opinions.py` asks other decoders about it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.unit.imaging.support.tiffs import (
    DEFLATE,
    LZMA,
    LZW,
    NONE,
    OLD_DEFLATE,
    PACKBITS,
    ZSTD,
    Tag,
    Written,
    tiff_of,
)

_ORDERS: tuple[Literal["<"], Literal[">"]] = ("<", ">")
Levels = npt.NDArray[Any]  # height, width, samples; from 0 to 1
WHITE, BLACK, RGB, PALETTE, MASK, CMYK, YCBCR, LAB, ICCLAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
COLOUR_MAP, INK_SET, REFERENCE = 320, 332, 532
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = (0,), (1,), (2,)
SIGNED, FLOAT = 2, 3
WIDTH, HEIGHT = 21, 10  # no multiple of a tile, a byte or a block

_down, _across = np.mgrid[0:HEIGHT, 0:WIDTH]
COLOURS = np.stack(
    (_across / (WIDTH - 1), _down / (HEIGHT - 1), (_across * 3 + _down * 5) % 11 / 10), axis=2
)
GREYS = ((_across * 2 + _down * 3) % 23 / 22)[..., np.newaxis]
OPACITY = np.clip((_across + 1) / (WIDTH - 5), 0.2, 1)[..., np.newaxis]


@dataclass(frozen=True, slots=True)
class Case:
    """A file, what it shows (RGBA, 0 to 255), and by how many levels it may differ.

    `shown` is None where the layout is refused as unsupported.
    """

    name: str
    written: Callable[[], bytes]
    shown: Levels | None
    tolerance: int = 1

    @property
    def data(self) -> bytes:
        """The file."""
        return self.written()


@cache
def cases() -> dict[str, Case]:
    """Return all of them by name."""
    return {case.name: case for case in _all()}


def representative_cases() -> dict[str, Case]:
    """Return each layout in one way to store it, in the other byte order and in planes, and each
    way to store any; the thorough tests take all.
    """
    chosen: dict[tuple[str, ...], Case] = {}
    for name, case in cases().items():
        where, _, layout = name.partition(": ")
        ways = [each for each in ("big-endian", "planar 2") if each in where]
        for key in ((layout,), (where,), *((layout, way) for way in ways)):
            chosen.setdefault(key, case)
    return {case.name: case for case in chosen.values()}


def _all() -> Iterator[Case]:
    kinds: Iterator[tuple[Literal["<", ">"], tuple[int, int] | None, int]]
    kinds = product(_ORDERS, (None, (16, 16)), (1, 2))
    for order, tile, planar in kinds:
        where = Written(BLACK, order=order, tile=tile, planar=planar)
        name = "big-endian" if order == ">" else "little-endian"
        yield from _each(f"{name}, {'tiles' if tile else 'strips'}, planar {planar}", where)
    pairs: Iterator[tuple[Literal["<", ">"], int]] = product(_ORDERS, (1, 2))
    for order, planar in pairs:
        name = "big-endian" if order == ">" else "little-endian"
        for compression, packed in ((LZW, "LZW"), (DEFLATE, "deflate")):
            where = Written(BLACK, order=order, planar=planar, compression=compression)
            yield from _each(f"{name}, {packed}, planar {planar}", where)
            yield from _predicted(f"{name}, {packed}, planar {planar}", where)
    for compression, packed in (
        *((PACKBITS, "PackBits"), (ZSTD, "Zstandard"), (LZMA, "LZMA")),
        (OLD_DEFLATE, "older deflate"),
    ):
        yield from _few(packed, Written(BLACK, compression=compression))
    for order in _ORDERS:
        yield from _few(f"BigTIFF {order}", Written(BLACK, order=order, is_big=True))
        packed_big = Written(BLACK, order=order, is_big=True, compression=LZW, planar=2)
        yield from _few(f"BigTIFF {order}, LZW, planes", packed_big)
        for compression in (NONE, LZW, PACKBITS):
            turned = Written(BLACK, order=order, fill_order=2, compression=compression)
            yield from _few(f"fill order 2 {order} {compression}", turned)


def _each(name: str, where: Written) -> Iterator[Case]:
    yield from _greys(name, where)
    yield from _palettes(name, where)
    yield from _colours(name, where)
    yield from _inks(name, where)
    yield from _ycbcr(name, where)
    yield from _numbers(name, where)


def _few(name: str, where: Written) -> Iterator[Case]:
    yield from _greys(name, where, every=(1, 4, 8, 16))
    yield _case(f"{name}: RGB 8", COLOURS, replace(where, photometric=RGB))
    yield _case(f"{name}: RGB 16", COLOURS, replace(where, photometric=RGB, bits=16))


def _greys(
    name: str, where: Written, every: tuple[int, ...] = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16)
) -> Iterator[Case]:
    for bits in every:
        black = replace(where, bits=bits)
        yield _case(f"{name}: black is zero {bits}", GREYS, black)
        yield _case(f"{name}: white is zero {bits}", GREYS, replace(black, photometric=WHITE))


def _palettes(name: str, where: Written) -> Iterator[Case]:
    for bits, scale in ((1, 257), (2, 257), (3, 257), (4, 257), (8, 257), (8, 1)):
        count = 2**bits
        indices = (np.arange(WIDTH * HEIGHT).reshape(HEIGHT, WIDTH, 1) * 7) % count
        palette = np.random.default_rng(5).integers(1, 256, (count, 3))
        levels = [int(level) * scale for level in palette.T.ravel()]
        layout = replace(where, photometric=PALETTE, bits=bits, more=(Tag(COLOUR_MAP, 3, levels),))
        shown = _opaque(palette[indices[..., 0]] / 255)
        of = " with levels of 8 bits" if scale == 1 else ""
        yield Case(f"{name}: palette {bits}{of}", partial(tiff_of, indices, layout), shown)


def _colours(name: str, where: Written) -> Iterator[Case]:
    for bits in (4, 8, 12, 16):
        rgb = replace(where, photometric=RGB, bits=bits)
        yield _case(f"{name}: RGB {bits}", COLOURS, rgb)
        yield from _with_opacity(f"{name}: RGB {bits}", COLOURS, rgb)
    for bits in (8, 16):
        yield from _with_opacity(f"{name}: greys {bits}", GREYS, replace(where, bits=bits))
    both = np.concatenate((COLOURS, GREYS, OPACITY), axis=2)
    layout = replace(where, photometric=RGB, extra=(0, 2))
    seen = np.concatenate((COLOURS, OPACITY), axis=2)
    yield Case(f"{name}: RGB 8 with more and opacity", _file(both, layout), _shown(seen, 8))


def _with_opacity(name: str, colours: Levels, layout: Written) -> Iterator[Case]:
    beside = np.concatenate((colours, OPACITY), axis=2)
    seen = _shown(beside, layout.bits)
    unassociated = replace(layout, extra=UNASSOCIATED)
    yield Case(f"{name}, unassociated", _file(beside, unassociated), seen)
    unspecified = replace(layout, extra=UNSPECIFIED)
    yield Case(f"{name}, unspecified", _file(beside, unspecified), _shown(colours, layout.bits))
    if layout.bits >= 8:  # with fewer, the products say too little
        products = np.concatenate((colours * OPACITY, OPACITY), axis=2)
        associated = replace(layout, extra=ASSOCIATED)
        yield Case(f"{name}, associated", _file(products, associated), seen, tolerance=6)


def _inks(name: str, where: Written) -> Iterator[Case]:
    inks = np.concatenate((1 - COLOURS, np.zeros((HEIGHT, WIDTH, 1))), axis=2)
    beside = np.concatenate((inks, OPACITY), axis=2)
    for bits in (8, 16):
        layout = replace(where, photometric=CMYK, bits=bits)
        yield Case(f"{name}: CMYK {bits}", _file(inks, layout), _shown(COLOURS, bits))
        seen = _shown(np.concatenate((COLOURS, OPACITY), axis=2), bits)
        opaque = _file(beside, replace(layout, extra=UNSPECIFIED))
        yield Case(f"{name}: CMYK {bits}, unspecified", opaque, _shown(COLOURS, bits))
        clear = _file(beside, replace(layout, extra=UNASSOCIATED))
        yield Case(f"{name}: CMYK {bits}, unassociated", clear, seen)
        products = _file(beside, replace(layout, extra=ASSOCIATED))
        yield Case(f"{name}: CMYK {bits}, associated", products, None)
    other = replace(where, photometric=CMYK, more=(Tag(INK_SET, 3, [2]),))
    yield Case(f"{name}: other inks", _file(inks, other), None)


def _ycbcr(name: str, where: Written) -> Iterator[Case]:
    levels = Image.fromarray(np.rint(COLOURS * 255).astype(np.uint8)).convert("YCbCr")
    stored = np.asarray(levels)
    factors = [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (4, 2)] if where.planar == 1 else [(1, 1)]
    for across, down in factors:
        layout = replace(where, photometric=YCBCR, subsampling=(across, down))
        seen = Image.fromarray(_shared_colours(stored, across, down), "YCbCr").convert("RGB")
        shown = _opaque(np.asarray(seen) / 255)
        called = f"{name}: YCbCr {across} by {down}"
        yield Case(called, partial(tiff_of, stored, layout), shown, tolerance=3)
    narrow = Tag(REFERENCE, 5, [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])
    if where.planar == 1 and where.compression == NONE:
        video = np.rint(stored * (219 / 255, 112 / 127, 112 / 127) + (16, 128, 128))
        video -= (0, 128 * 112 / 127, 128 * 112 / 127)
        layout = replace(where, photometric=YCBCR, subsampling=(1, 1), more=(narrow,))
        shown = _opaque(COLOURS)
        yield Case(f"{name}: YCbCr of video", partial(tiff_of, video, layout), shown, tolerance=5)


def _shared_colours(stored: Levels, across: int, down: int) -> npt.NDArray[np.uint8]:
    """Return YCbCr whose blocks have one colour each, its mean."""
    seen = stored.astype(float)
    padding = ((0, -HEIGHT % down), (0, -WIDTH % across), (0, 0))
    padded = np.pad(stored, padding, mode="edge")
    for top, left in product(range(0, HEIGHT, down), range(0, WIDTH, across)):
        block = padded[top : top + down, left : left + across, 1:]
        seen[top : top + down, left : left + across, 1:] = np.rint(block.mean(axis=(0, 1)))
    return seen.astype(np.uint8)


def _numbers(name: str, where: Written) -> Iterator[Case]:
    """Whole numbers of 32 bits, with a sign, and broken ones: few of them are pictures."""
    wide = replace(where, bits=32)
    yield Case(f"{name}: greys 32", _file(GREYS, wide), _shown(GREYS, 8))
    signed = np.rint(GREYS * (2**31 - 1))
    layout = replace(wide, sample_format=SIGNED)
    yield Case(f"{name}: signed greys 32", partial(tiff_of, signed, layout), _shown(GREYS, 8))
    broken = replace(wide, sample_format=FLOAT)
    yield Case(f"{name}: broken greys 32", partial(tiff_of, GREYS, broken), _shown(GREYS, 8))
    negative = replace(broken, photometric=WHITE)
    yield Case(
        f"{name}: broken greys 32, white is zero",
        partial(tiff_of, 1 - GREYS, negative),
        _shown(GREYS, 8),
    )
    colours = partial(tiff_of, COLOURS, replace(broken, photometric=RGB))
    yield Case(f"{name}: broken RGB 32", colours, None)
    for bits in (16, 64):
        layout = replace(broken, bits=bits)
        yield Case(f"{name}: broken greys {bits}", partial(tiff_of, GREYS, layout), None)
    for bits in (8, 16):
        layout = replace(where, bits=bits, sample_format=SIGNED)
        levels = np.rint(GREYS * (2 ** (bits - 1) - 1))
        yield Case(f"{name}: signed greys {bits}", partial(tiff_of, levels, layout), None)
    for photometric, called in ((MASK, "mask"), (10, "ITULab"), (32844, "LogL"), (77, "unknown")):
        yield Case(f"{name}: {called}", _file(GREYS, replace(where, photometric=photometric)), None)
    two = np.concatenate((GREYS, GREYS), axis=2)
    yield Case(f"{name}: two samples of grey", _file(two, where), None)


def _predicted(name: str, where: Written) -> Iterator[Case]:
    predicted = replace(where, predictor=2)
    for bits in (8, 16):
        layout = replace(predicted, bits=bits)
        yield _case(f"{name}, predicted: greys {bits}", GREYS, layout)
        yield _case(f"{name}, predicted: RGB {bits}", COLOURS, replace(layout, photometric=RGB))
        yield from _with_opacity(f"{name}, predicted: greys {bits}", GREYS, layout)
    broken = replace(where, bits=32, sample_format=FLOAT, predictor=3)
    is_read = where.order == "<"  # what the other order means is left open to doubt
    shown = _shown(GREYS, 8) if is_read else None
    yield Case(f"{name}: broken greys 32, predictor 3", partial(tiff_of, GREYS, broken), shown)


def _case(name: str, levels: Levels, layout: Written) -> Case:
    return Case(name, _file(levels, layout), _shown(levels, layout.bits))


def _file(levels: Levels, layout: Written) -> Callable[[], bytes]:
    numbers = np.rint(levels * (2**layout.bits - 1)).astype(np.int64)
    if layout.photometric == WHITE:
        numbers = 2**layout.bits - 1 - numbers
    return partial(tiff_of, numbers, layout)


def _shown(levels: Levels, bits: int) -> Levels:
    """Return RGBA from greys or colours with or without opacity, as so many bits can tell."""
    top = 2**bits - 1
    return _opaque(np.rint(levels * top) / top)


def _opaque(levels: Levels) -> Levels:
    if levels.shape[2] in (1, 2):
        levels = np.concatenate((*([levels[..., :1]] * 3), levels[..., 1:]), axis=2)
    if levels.shape[2] == 3:
        levels = np.concatenate((levels, np.ones_like(levels[..., :1])), axis=2)
    shown: Levels = np.rint(levels * 255)
    return shown
