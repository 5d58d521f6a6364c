"""Where in a picture something is: what stands on a ground counts, the ground does not."""

import pytest
from PIL import Image, ImageDraw

from tasks.imaging.content import content_box
from tests.unit.imaging.test_quality import textured

WHOLE = (0, 0, 800, 600)


def on_ground(colour: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    picture = Image.new("RGB", (800, 600), colour)
    picture.paste(textured(90, (200, 160)), (320, 240))
    return picture


@pytest.mark.parametrize("level", [240, 248, 255])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_product_on_a_bright_ground_is_found(level: int, mode: str) -> None:
    assert content_box(on_ground((level,) * 3).convert(mode)) == (320, 240, 520, 400)


def test_a_photograph_is_all_content() -> None:
    assert content_box(textured(60, (800, 600))) == WHOLE


def test_a_picture_of_one_colour_is_all_content() -> None:
    assert content_box(Image.new("RGB", (800, 600), "white")) == WHOLE


def test_a_dark_ground_belongs_to_the_picture() -> None:
    assert content_box(on_ground((30, 30, 30))) == WHOLE


def test_a_bright_sky_over_a_darker_foreground_is_no_ground() -> None:
    picture = Image.new("RGB", (800, 600), (250, 250, 250))
    picture.paste((90, 110, 80), (0, 450, 800, 600))
    assert content_box(picture) == WHOLE


def test_a_shadow_that_runs_out_is_ground() -> None:
    picture = on_ground()
    ImageDraw.Draw(picture).rectangle((100, 500, 700, 590), fill=(246, 246, 246))
    assert content_box(picture) == (320, 240, 520, 400)


def test_what_is_transparent_is_no_content_whatever_colour_it_hides() -> None:
    picture = textured(60, (800, 600)).convert("RGBA")
    picture.putalpha(0)
    picture.paste((200, 30, 30, 255), (80, 160, 400, 480))
    assert content_box(picture) == (80, 160, 400, 480)


def test_content_at_an_edge_ends_with_the_picture() -> None:
    picture = Image.new("RGB", (805, 603), "white")
    picture.paste((120, 20, 20), (400, 200, 805, 400))
    picture.paste((120, 20, 20), (200, 580, 300, 603))
    left, top, right, bottom = content_box(picture)
    assert 184 <= left <= 200
    assert 184 <= top <= 200
    assert (right, bottom) == (805, 603)


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (5, 5)])
def test_the_smallest_pictures_have_content_too(size: tuple[int, int]) -> None:
    assert content_box(Image.new("RGB", size, "white")) == (0, 0, *size)
