"""Uniform borders are cut off; products, skies and noise are not."""

from io import BytesIO
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tasks.imaging.presets.model import Trim
from tasks.imaging.transform.trim import trim
from tests.unit.imaging.support.pictures import RED, Colour, encoded, photo, pixel

EXACT = Trim(tolerance=12, margin=0)
GREY = (230, 228, 231)
PRODUCT = (30, 40, 90, 160)
MODES = ("L", "RGB", "RGBA", "CMYK")


def shot(
    size: tuple[int, int] = (200, 300),
    box: tuple[int, int, int, int] = PRODUCT,
    ground: Colour = GREY,
) -> Image.Image:
    """Return a red product on a uniform ground."""
    picture = Image.new("RGB", size, ground)
    picture.paste(RED, box)
    return picture


def size_of(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def noisy(picture: Image.Image, spread: int) -> Image.Image:
    """Add noise of up to half of `spread` levels to both sides."""
    grain = Image.frombytes("L", picture.size, Random(7).randbytes(picture.width * picture.height))
    grain = grain.point(lambda level: level * spread // 255)
    return ImageChops.add(picture, Image.merge("RGB", [grain] * 3), 1, -(spread // 2))


@pytest.mark.parametrize("mode", MODES)
def test_a_border_is_cut_off_to_the_pixel(mode: str) -> None:
    trimmed = trim(shot().convert(mode), EXACT)
    assert trimmed.mode == mode
    assert trimmed.size == size_of(PRODUCT)
    assert pixel(trimmed, (0, 0)) == pixel(shot().convert(mode), (50, 50))


@pytest.mark.parametrize("ground", [(255, 255, 255), (0, 0, 0), (20, 90, 160)])
def test_the_border_may_have_any_colour(ground: Colour) -> None:
    assert trim(shot(ground=ground), EXACT).size == size_of(PRODUCT)


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_the_noise_of_a_jpeg_does_not_hold_a_border(quality: int) -> None:
    data = encoded(shot((1600, 1200), (400, 300, 900, 1000)), "JPEG", quality=quality)
    trimmed = trim(Image.open(BytesIO(data)), EXACT)
    assert (500, 700) <= trimmed.size <= (516, 716)


def test_the_noise_of_a_camera_does_not_hold_the_border_of_a_large_picture() -> None:
    picture = noisy(shot((2400, 1800), (600, 400, 1200, 1400)), 30)
    extrema = picture.crop((0, 0, 500, 300)).getchannel(0).getextrema()
    assert extrema[0] < GREY[0] - EXACT.tolerance, "single pixels are beyond the tolerance"
    assert trim(picture, EXACT).size == (600, 1000)


def test_a_fine_line_belongs_to_the_product() -> None:
    picture = shot((2400, 1800), (600, 400, 1200, 1400))
    ImageDraw.Draw(picture).line((900, 101, 900, 400), fill=RED, width=1)
    trimmed = trim(picture, EXACT)
    assert trimmed.size[1] >= 1299
    assert trimmed.size[1] <= 1303


def test_some_of_the_border_is_kept_on_demand() -> None:
    assert trim(shot(), Trim(margin=0.1)).size == (60 + 24, 120 + 24)


def test_no_more_border_is_kept_than_there_is() -> None:
    assert trim(shot(), Trim(margin=0.3)).size == (30 + 60 + 36, 36 + 120 + 36)


def test_a_soft_shadow_belongs_to_the_product_down_to_the_tolerance() -> None:
    soft = shot().filter(ImageFilter.GaussianBlur(8))
    strict, lenient = trim(soft, Trim(4)), trim(soft, Trim(60))
    assert size_of(PRODUCT) < lenient.size < strict.size < soft.size


@pytest.mark.parametrize("colour", [0, 128, 255])
@pytest.mark.parametrize("mode", MODES)
def test_a_picture_of_one_colour_is_left_as_it_is(mode: str, colour: int) -> None:
    picture = Image.new("L", (80, 60), colour).convert(mode)
    assert trim(picture, EXACT) is picture


def test_a_picture_without_border_is_left_as_it_is() -> None:
    picture = photo(400, 300)
    assert trim(picture, EXACT) is picture


def test_a_sky_is_no_border() -> None:
    landscape = shot((300, 200), (0, 120, 300, 200))
    assert trim(landscape, EXACT) is landscape


def test_a_product_that_stands_on_the_edge_keeps_its_foot() -> None:
    assert trim(shot((300, 200), (100, 80, 180, 200)), EXACT).size == (80, 120)


def test_bars_above_and_below_are_a_border() -> None:
    film = Image.new("RGB", (400, 300))
    film.paste(photo(400, 200).point(lambda level: level // 2 + 100), (0, 50))
    assert trim(film, EXACT).size == (400, 200)


def test_a_speck_of_dust_is_no_product() -> None:
    dusty = shot((400, 300), (200, 100, 203, 102))
    assert trim(dusty, EXACT) is dusty


def test_transparent_pixels_are_a_border_whatever_colour_hides_under_them() -> None:
    clear = photo(200, 300).convert("RGBA")
    clear.putalpha(0)
    clear.paste((*RED, 255), PRODUCT)
    assert trim(clear, EXACT).size == size_of(PRODUCT)


def test_the_profile_stays_with_the_picture() -> None:
    picture = shot()
    picture.info["icc_profile"] = b"kept"
    assert trim(picture, EXACT).info["icc_profile"] == b"kept"


places = st.integers(0, 299)


@settings(deadline=None)
@given(places, places, st.integers(1, 300), st.integers(1, 300), st.floats(0, 1))
def test_the_product_is_never_cut(
    left: int, top: int, width: int, height: int, margin: float
) -> None:
    picture = Image.new("RGB", (300, 300), GREY)
    box = (left, top, min(300, left + width), min(300, top + height))
    picture.paste(RED, box)
    trimmed = trim(picture, Trim(margin=margin))
    red = trimmed.getchannel("G").point(lambda level: 255 * (level == RED[1])).histogram()[255]
    assert red == size_of(box)[0] * size_of(box)[1]
