"""A PNG is shown as it is meant, or refused by name; "damaged" is said of damaged files alone."""

import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from infra.contract.errors import ErrorCode, ImageRefused
from tests.unit.imaging.support.front import code_of, known
from tests.unit.imaging.support.odd import Chunk
from tests.unit.imaging.support.pngs import (
    DEPTHS,
    GREY,
    GREY_ALPHA,
    INDEXED,
    RGB,
    RGBA,
    SAMPLES,
    Layout,
    Samples,
    png_of,
    with_bad_checksum,
)

HEIGHT, WIDTH = 10, 21
SIZES = [(HEIGHT, WIDTH), (8, 8), (1, 1), (2, 3), (1, 5), (9, 1)]
LAYOUTS = [(colour_type, depth) for colour_type, depths in DEPTHS.items() for depth in depths]
DICE = np.random.default_rng(7)
COLOURS: Samples = DICE.integers(0, 256, (HEIGHT, WIDTH, 3))
INDICES: Samples = DICE.integers(0, 2, (HEIGHT, WIDTH, 1))
TWO_COLOURS: Samples = np.array([[10, 20, 30, 255], [40, 50, 60, 255]])
PALETTE: Chunk = (b"PLTE", TWO_COLOURS[:, :3].astype(np.uint8).tobytes())
HALF_CLEAR: Chunk = (b"tRNS", b"\x80")
LINEAR: Chunk = (b"gAMA", struct.pack(">I", 100_000))
CONTROL: Chunk = (b"fcTL", struct.pack(">5I2H2B", 0, WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0))
KEY: Chunk = (b"tRNS", struct.pack(">3H", *COLOURS[0, 0]))
PLAIN = png_of(COLOURS, Layout(RGB))


def rgba(samples: Samples, depth: int = 8) -> Samples:
    """Return what samples of greys or colours show, 0 to 255."""
    levels = samples / (2**depth - 1) * 255
    if levels.shape[2] in (1, 2):
        levels = np.concatenate((*([levels[..., :1]] * 3), levels[..., 1:]), axis=2)
    if levels.shape[2] == 3:
        levels = np.concatenate((levels, np.full_like(levels[..., :1], 255)), axis=2)
    shown: Samples = np.rint(levels)
    return shown


def looks(directory: Path, data: bytes, shown: Samples, tolerance: int = 1) -> None:
    """Compare what is seen; where 16 bits become 8, a level is rounded either way."""
    found = np.asarray(known(directory, data)[1].convert("RGBA")).astype(int)
    assert found.shape == shown.shape
    assert np.abs(found - shown).max() <= tolerance


def refusal(directory: Path, data: bytes) -> str:
    with pytest.raises(ImageRefused) as caught:
        known(directory, data)
    assert caught.value.code == ErrorCode.UNSUPPORTED_FORMAT
    assert "damaged" not in caught.value.detail
    return caught.value.detail


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour_type", "depth"), LAYOUTS)
def test_each_layout_of_each_size_is_shown(
    tmp_path: Path, colour_type: int, depth: int, *, interlaced: bool
) -> None:
    for size in SIZES:
        samples = DICE.integers(0, 2**depth, (*size, SAMPLES[colour_type]))
        before, shown = [], rgba(samples, depth)
        if colour_type == INDEXED:
            colours = DICE.integers(0, 256, (2**depth, 3))
            before = [(b"PLTE", colours.astype(np.uint8).tobytes())]
            shown = rgba(colours[samples[..., 0]])
        looks(tmp_path, png_of(samples, Layout(colour_type, depth, interlaced, before)), shown)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("colour_type", "depth"), [(kind, depth) for kind, depth in LAYOUTS if kind in (GREY, RGB)]
)
def test_the_transparent_colour_is_found_by_all_its_bits(
    tmp_path: Path, colour_type: int, depth: int, *, interlaced: bool
) -> None:
    count = SAMPLES[colour_type]
    key = DICE.integers(0, 2**depth, count)
    samples = np.broadcast_to(key, (HEIGHT, WIDTH, count)).copy()
    samples[::2, ::2, 0] ^= 1  # the least difference there is
    samples[1::2, 1::2, -1] ^= 1
    clear = (samples == key).all(axis=2)
    shown = rgba(samples, depth)
    shown[clear, 3] = 0
    before = [(b"tRNS", struct.pack(f">{count}H", *key))]
    facts, image = known(tmp_path, png_of(samples, Layout(colour_type, depth, interlaced, before)))
    assert facts.has_alpha
    assert np.abs(np.asarray(image.convert("RGBA")).astype(int) - shown).max() <= 1


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("depth", "told"), list(product((1, 2, 4, 8), (1, 2))))
def test_colours_of_a_palette_have_their_opacity(
    tmp_path: Path, depth: int, told: int, *, interlaced: bool
) -> None:
    colours = DICE.integers(0, 256, (2**depth, 4))
    colours[told:, 3] = 255
    before = [
        (b"PLTE", colours[:, :3].astype(np.uint8).tobytes()),
        (b"tRNS", colours[:told, 3].astype(np.uint8).tobytes()),
    ]
    indices = DICE.integers(0, 2**depth, (HEIGHT, WIDTH, 1))
    data = png_of(indices, Layout(INDEXED, depth, interlaced, before))
    looks(tmp_path, data, colours[indices[..., 0]])


@pytest.mark.parametrize(("gamma", "depth"), list(product((1.0, 0.55555, 0.45455, 0.2), (8, 16))))
@pytest.mark.parametrize("colour_type", [GREY, RGB, INDEXED, GREY_ALPHA, RGBA])
def test_a_gamma_is_followed_in_each_layout(
    tmp_path: Path, gamma: float, depth: int, colour_type: int
) -> None:
    depth = 8 if colour_type == INDEXED else depth
    samples = DICE.integers(0, 2**depth, (HEIGHT, WIDTH, SAMPLES[colour_type]))
    # Light is kept with 8 bits, of which linear ones spare few for the dark.
    samples = np.maximum(samples, 2**depth // 6)
    before: list[Chunk] = [(b"gAMA", struct.pack(">I", round(gamma * 100_000)))]
    shown = rgba(samples, depth) / 255
    if colour_type == INDEXED:
        before.append((b"PLTE", bytes(level for level in range(256) for _ in range(3))))
    if gamma != 0.45455:
        light = shown[..., :3] ** (1 / gamma)
        curved = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        shown = np.concatenate((curved, shown[..., 3:]), axis=2)
    looks(tmp_path, png_of(samples, Layout(colour_type, depth, before=before)), shown * 255, 3)


@pytest.mark.parametrize(
    "layout",
    [
        Layout(RGB, before=[PALETTE]),  # a suggestion
        Layout(RGB, before=[(b"abCd", b"x")], after=[(b"abCd", b"x"), (b"abCD", b"")]),
        Layout(RGB, before=[(b"tEXt", b"a\0b"), (b"pHYs", b""), (b"sBIT", b"\5\6\5")]),
        Layout(RGB, before=[(b"bKGD", bytes(6)), (b"hIST", bytes(6)), (b"mDCV", bytes(24))]),
        Layout(RGB, after=[(b"tEXt", b"a\0b"), (b"tIME", bytes(7)), (b"zTXt", b"broken")]),
        Layout(RGB, among=[(b"tIME", bytes(7))]),
        Layout(RGB, before=[(b"IDAT", b"")], among=[(b"IDAT", b"")], after=[(b"IDAT", b"")]),
        Layout(RGB, after=[(b"IDAT", b"more than the rows need")]),
        Layout(RGB, after=[LINEAR]),
        Layout(RGB, before=[PALETTE, LINEAR]),
        Layout(RGB, after=[KEY]),
        Layout(RGB, before=[(b"tRNS", b"\0\1")]),
        Layout(RGB, before=[(b"tRNS", KEY[1] * 2)]),
        Layout(RGB, before=[(b"gAMA", bytes(4))]),
        Layout(RGB, before=[(b"gAMA", b"\0")]),
        Layout(RGB, before=[LINEAR, (b"sRGB", b"\0")]),
        Layout(RGB, before=[(b"cICP", b"\1\x0d\0\1"), LINEAR]),
        Layout(RGB, before=[(b"iCCP", b"a\0\0junk")]),
        Layout(RGB, before=[(b"gAMA", struct.pack(">I", 45_455)), (b"cHRM", bytes(32))]),
        Layout(RGB, before=[(b"acTL", bytes(8))]),
        Layout(RGB, before=[CONTROL]),
        Layout(RGB, before=[(b"acTL", struct.pack(">II", 3, 0))]),
        Layout(RGB, before=[(b"acTL", struct.pack(">II", 3, 0)), CONTROL]),
        Layout(RGB, after=[(b"acTL", struct.pack(">II", 1, 0))]),
    ],
)
def test_chunks_that_say_nothing_about_the_picture_change_nothing(
    tmp_path: Path, layout: Layout
) -> None:
    looks(tmp_path, png_of(COLOURS, layout), rgba(COLOURS), 0)


@pytest.mark.parametrize(
    ("before", "opacity"),
    [
        ([PALETTE, HALF_CLEAR], 128),
        ([HALF_CLEAR, PALETTE], 255),
        ([PALETTE, (b"tRNS", b"\x80\xff\xff")], 255),  # more than colours
        ([PALETTE, (b"tRNS", b"")], 255),
        ([(b"PLTE", PALETTE[1] * 128), HALF_CLEAR], 128),
        ([(b"PLTE", PALETTE[1] + b"\7"), HALF_CLEAR], 128),
    ],
)
def test_opacity_counts_where_it_belongs_to_a_palette(
    tmp_path: Path, before: list[Chunk], opacity: int
) -> None:
    colours = TWO_COLOURS.copy()
    colours[0, 3] = opacity
    looks(tmp_path, png_of(INDICES, Layout(INDEXED, before=before)), colours[INDICES[..., 0]], 0)


@pytest.mark.parametrize("colour_type", [GREY_ALPHA, RGBA])
def test_a_transparent_colour_beside_an_opacity_says_nothing(
    tmp_path: Path, colour_type: int
) -> None:
    samples = DICE.integers(0, 256, (HEIGHT, WIDTH, SAMPLES[colour_type]))
    key = struct.pack(f">{SAMPLES[colour_type] - 1}H", *samples[0, 0, :-1])
    data = png_of(samples, Layout(colour_type, before=[(b"tRNS", key)]))
    looks(tmp_path, data, rgba(samples), 0)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN + b"PK\3\4" + bytes(100),
        PLAIN[:-1] + b"\0",
        PLAIN[:-6],
        PLAIN[:-12],
        *(
            with_bad_checksum(png_of(COLOURS, layout), kind)
            for kind, body in ((b"tEXt", b"a\0b"), LINEAR, KEY, (b"abCd", b""), (b"iCCP", b"a\0\0"))
            for layout in (Layout(RGB, before=[(kind, body)]), Layout(RGB, after=[(kind, body)]))
        ),
    ],
)
def test_what_is_wrong_beside_the_picture_does_not_cost_it(tmp_path: Path, data: bytes) -> None:
    looks(tmp_path, data, rgba(COLOURS), 0)


@pytest.mark.parametrize(
    "data",
    [
        with_bad_checksum(PLAIN, b"IHDR"),
        with_bad_checksum(PLAIN, b"IDAT"),
        with_bad_checksum(png_of(COLOURS, Layout(RGB, before=[PALETTE])), b"PLTE"),
        png_of(INDICES, Layout(INDEXED)),
        png_of(INDICES, Layout(INDEXED, after=[PALETTE])),
        png_of(COLOURS, Layout(RGB, before=[(b"IHDR", bytes([0, 0, 0, 4] * 2) + PLAIN[24:29])])),
        png_of(COLOURS, Layout(RGB, before=[(b"IHDR", b"")])),
    ],
)
def test_a_damaged_one_is_refused_as_damaged(tmp_path: Path, data: bytes) -> None:
    assert code_of(tmp_path, data) == ErrorCode.CORRUPT


@pytest.mark.parametrize(
    ("layout", "named"),
    [
        (Layout(RGB, before=[(b"CgBI", bytes(4))]), "Apple"),
        (Layout(RGB, before=[(b"ABCD", b"")]), "ABCD"),
        (Layout(RGB, after=[(b"ABCD", b"")]), "ABCD"),
        (Layout(RGB, 4), "4 bits with colour type 2"),
        (Layout(RGB, 3), "3 bits with colour type 2"),
        (Layout(7), "8 bits with colour type 7"),
        (Layout(RGB, methods=(1, 0)), "the methods 1, 0 and 0"),
        (Layout(RGB, methods=(0, 64)), "the methods 0, 64 and 0"),
    ],
)
def test_what_no_decoder_shows_is_refused_by_its_name(
    tmp_path: Path, layout: Layout, named: str
) -> None:
    assert named in refusal(tmp_path, png_of(COLOURS, layout))
