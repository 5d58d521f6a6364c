"""The dominant colour is the product's, not that of the paper it lies on."""

import pytest
from PIL import Image, ImageDraw, ImageFilter

from tasks.imaging.web.dominant_colour import dominant_colour
from tests.unit.imaging.support.pictures import BLUE, GREEN, RED, YELLOW, Colour

WHITE, GREY, BLACK = (255, 255, 255), (226, 227, 230), (0, 0, 0)
SIDE_PX = 200
NEAR = 16  # levels of 255: patches at the edge mix with what is beside them


def product(
    colour: Colour,
    ground: Colour = WHITE,
    box: tuple[int, int, int, int] = (60, 40, 140, 160),
    *,
    shadow: bool = False,
) -> Image.Image:
    """Return a box on paper; it covers a quarter of the picture."""
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), ground)
    if shadow:
        mask = Image.new("L", picture.size)
        ImageDraw.Draw(mask).ellipse((30, 140, 170, 180), fill=140)
        picture.paste((80, 80, 80), mask=mask.filter(ImageFilter.GaussianBlur(8)))
    picture.paste(colour, box)
    return picture


def near(one: Colour, other: Colour) -> bool:
    return all(abs(a - b) <= NEAR for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("ground", [WHITE, GREY, BLACK])
@pytest.mark.parametrize("colour", [RED, GREEN, BLUE, YELLOW])
def test_a_product_on_plain_paper_gives_its_own_colour(colour: Colour, ground: Colour) -> None:
    assert near(dominant_colour(product(colour, ground)), colour)


def test_a_shadow_is_not_the_product() -> None:
    assert near(dominant_colour(product(BLUE, shadow=True)), BLUE)


def test_a_black_product_is_black_although_its_shadow_is_grey() -> None:
    assert near(dominant_colour(product((20, 20, 22), shadow=True)), (20, 20, 22))


def test_a_small_product_still_counts() -> None:
    assert near(dominant_colour(product(GREEN, box=(92, 92, 108, 108))), GREEN)


def test_a_product_cropped_at_one_side_still_counts() -> None:
    dark = (40, 40, 44)
    assert near(dominant_colour(product(dark, box=(60, 40, 140, SIDE_PX))), dark)


def test_a_white_product_on_white_stays_near_white() -> None:
    assert min(dominant_colour(product((238, 238, 240)))) > 225


def test_fabric_that_fills_the_picture_is_not_taken_for_paper() -> None:
    picture = product(WHITE, ground=RED, box=(95, 95, 105, 105))
    assert near(dominant_colour(picture), RED)


def test_grey_fabric_that_fills_the_picture_is_not_lost() -> None:
    assert near(dominant_colour(Image.new("RGB", (SIDE_PX, SIDE_PX), GREY)), GREY)


def test_vivid_parts_count_for_more_than_grey_ones() -> None:
    picture = product((70, 70, 72))
    picture.paste(YELLOW, (60, 40, 140, 90))  # less than the half of it
    assert near(dominant_colour(picture), YELLOW)


def test_what_is_transparent_does_not_count() -> None:
    picture = Image.new("RGBA", (SIDE_PX, SIDE_PX), (*GREEN, 0))
    picture.paste((*RED, 255), (80, 80, 120, 120))
    assert near(dominant_colour(picture), RED)


def test_an_invisible_picture_is_white() -> None:
    assert dominant_colour(Image.new("RGBA", (SIDE_PX, SIDE_PX))) == WHITE


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (2, 3)])
def test_the_smallest_and_thinnest_pictures_have_a_colour(size: tuple[int, int]) -> None:
    assert near(dominant_colour(Image.new("RGB", size, BLUE)), BLUE)
