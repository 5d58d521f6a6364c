"""Every pixel layout that a picture may legally have comes out with the right levels."""

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.unit.imaging.support.front import known, seen
from tests.unit.imaging.support.hostile import file_of
from tests.unit.imaging.support.odd import flat_png, png, tiff

EXAMPLES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WRITABLE = [
    (mode, written)
    for written, modes in {
        "PNG": ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"),
        "TIFF": ("1", "L", "LA", "I;16", "I", "F", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"),
        "WEBP": ("RGB", "RGBA"),
        "AVIF": ("RGB", "RGBA"),
        "JPEG": ("L", "RGB", "CMYK"),
        "GIF": ("L", "P", "RGB"),
        "BMP": ("1", "L", "P", "RGB"),
    }.items()
    for mode in modes
]


def first(image: Image.Image) -> tuple[int, ...]:
    return tuple(image.crop((0, 0, 1, 1)).tobytes())


def grey_tiff(levels: Sequence[float], code: str, *, sample_format: int, photometric: int) -> bytes:
    packed = struct.pack(f"<{len(levels)}{code}", *levels)
    bits = 8 * struct.calcsize(f"<{code}")
    return tiff(
        (len(levels), 1),
        packed,
        bits=(bits,),
        photometric=photometric,
        sample_format=sample_format,
    )


@EXAMPLES
@given(
    written=st.sampled_from(WRITABLE),
    width=st.integers(1, 70),
    height=st.integers(1, 70),
)
def test_any_layout_of_any_size_becomes_greys_or_colours_of_that_size(
    tmp_path: Path, written: tuple[str, str], width: int, height: int
) -> None:
    mode, image_format = written
    facts, image = known(tmp_path, file_of(Image.new(mode, (width, height)), image_format))
    assert image.size == (facts.width, facts.height) == (width, height)
    assert image.mode in ("L", "RGB", "RGBA")
    assert facts.has_alpha == (image.mode == "RGBA")


@pytest.mark.parametrize(
    ("level", "expected"), [(0, 0), (128, 0), (129, 1), (32_896, 128), (65_535, 255)]
)
def test_greys_of_16_bits_are_rounded_to_8(tmp_path: Path, level: int, expected: int) -> None:
    data = flat_png((level,), depth=16, colour_type=0)
    assert first(seen(tmp_path, data)) == (expected,)
    swapped = grey_tiff([level], "H", sample_format=1, photometric=1)
    assert first(seen(tmp_path, swapped)) == (expected,)


@pytest.mark.parametrize(("colour_type", "levels"), [(2, (65_535, 32_896, 0))])
def test_colours_of_16_bits_are_reduced_to_8(
    tmp_path: Path, colour_type: int, levels: tuple[int, ...]
) -> None:
    data = flat_png(levels, depth=16, colour_type=colour_type)
    assert first(seen(tmp_path, data)) == (255, 128, 0)


def test_colours_of_16_bits_keep_their_alpha(tmp_path: Path) -> None:
    data = flat_png((65_535, 32_896, 0, 32_896), depth=16, colour_type=6)
    assert first(seen(tmp_path, data)) == (255, 128, 0, 128)
    grey = flat_png((65_535, 32_896), depth=16, colour_type=4)
    assert first(seen(tmp_path, grey)) == (255, 255, 255, 128)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([0.0, 0.5, 1.0], (0, 128, 255)),
        ([0.0, 100.0, 255.0], (0, 100, 255)),
        ([0.0, 25_700.0, 65_535.0], (0, 100, 255)),
    ],
)
def test_broken_numbers_are_scaled_by_the_white_that_they_mean(
    tmp_path: Path, levels: list[float], expected: tuple[int, ...]
) -> None:
    data = grey_tiff(levels, "f", sample_format=3, photometric=1)
    assert tuple(seen(tmp_path, data).tobytes()) == expected


@pytest.mark.parametrize(
    ("levels", "expected"),
    [([0, 100, 255], (0, 100, 255)), ([-5, 25_700, 65_535], (0, 100, 255))],
)
def test_whole_numbers_of_32_bits_are_scaled_by_the_white_that_they_mean(
    tmp_path: Path, levels: list[int], expected: tuple[int, ...]
) -> None:
    data = grey_tiff(levels, "i", sample_format=2, photometric=1)
    assert tuple(seen(tmp_path, data).tobytes()) == expected


def test_a_tiff_whose_zero_is_white_is_not_shown_as_its_negative(tmp_path: Path) -> None:
    sixteen = grey_tiff([0, 65_535], "H", sample_format=1, photometric=0)
    assert tuple(seen(tmp_path, sixteen).tobytes()) == (255, 0)
    eight = grey_tiff([0, 255], "B", sample_format=1, photometric=0)
    assert tuple(seen(tmp_path, eight).tobytes()) == (255, 0)


@pytest.mark.parametrize(
    ("depth", "row"),
    [(1, b"\x40"), (2, b"\x30"), (4, b"\x0f"), (8, b"\0\xff"), (16, b"\0\0\xff\xff")],
)
def test_the_transparent_grey_of_a_png_is_found_at_any_depth(
    tmp_path: Path, depth: int, row: bytes
) -> None:
    top = 2**depth - 1
    key = (b"tRNS", struct.pack(">H", top))
    facts, image = known(tmp_path, png((2, 1), [row], depth=depth, colour_type=0, before=[key]))
    assert facts.has_alpha
    assert tuple(image.getchannel("A").tobytes()) == (255, 0)


@pytest.mark.parametrize("depth", [8, 16])
def test_the_transparent_colour_of_a_png_is_found_at_any_depth(tmp_path: Path, depth: int) -> None:
    code = "B" if depth == 8 else "H"
    scale = 1 if depth == 8 else 257
    row = struct.pack(f">6{code}", *(level * scale for level in (10, 20, 30, 200, 100, 50)))
    key = (b"tRNS", struct.pack(">3H", *(level * scale for level in (10, 20, 30))))
    image = seen(tmp_path, png((2, 1), [row], depth=depth, colour_type=2, before=[key]))
    assert tuple(image.getchannel("A").tobytes()) == (0, 255)
    assert tuple(image.convert("RGB").tobytes())[3:] == (200, 100, 50)


def test_a_palette_may_be_half_transparent(tmp_path: Path) -> None:
    extra = [(b"PLTE", bytes([255, 0, 0, 0, 0, 255])), (b"tRNS", bytes([0, 128]))]
    image = seen(tmp_path, png((2, 1), [b"\0\1"], colour_type=3, before=extra))
    assert tuple(image.tobytes()) == (255, 0, 0, 0, 0, 0, 255, 128)


def test_colours_multiplied_by_their_opacity_are_divided_again(tmp_path: Path) -> None:
    multiplied = (338, 3, [1])  # the tag that says so
    data = tiff((1, 1), bytes([100, 50, 0, 128]), bits=(8,) * 4, photometric=2, more=[multiplied])
    red, green, blue, alpha = first(seen(tmp_path, data))
    assert (red, green, blue, alpha) == (199, 99, 0, 128)
    grey = tiff((1, 1), bytes([100, 128]), bits=(8, 8), photometric=1, more=[multiplied])
    assert first(seen(tmp_path, grey))[::3] == (199, 128)


def test_a_lab_tiff_shows_the_colours_that_it_means(tmp_path: Path) -> None:
    lab = ImageCms.profileToProfile(
        Image.new("RGB", (8, 8), (200, 60, 90)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    found = first(seen(tmp_path, file_of(lab, "TIFF")))
    assert all(abs(a - b) <= 3 for a, b in zip(found, (200, 60, 90), strict=True))


def test_a_tiff_in_ycbcr_shows_the_colours_that_it_means(tmp_path: Path) -> None:
    picture = Image.new("RGB", (16, 16), (200, 60, 90)).convert("YCbCr")
    found = first(seen(tmp_path, file_of(picture, "TIFF")))
    assert all(abs(a - b) <= 3 for a, b in zip(found, (200, 60, 90), strict=True))
