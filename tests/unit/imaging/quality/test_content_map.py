"""Where in a picture something is: what stands on a ground counts, the ground does not."""

import pytest
from PIL import Image, ImageDraw, ImageFilter

from tasks.imaging.quality.content_map import Bounds, content
from tests.unit.imaging.quality.test_search import textured

WHOLE = (0, 0, 800, 600)
PRODUCT = (320, 240, 520, 400)


def on_ground(colour: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    picture = Image.new("RGB", (800, 600), colour)
    picture.paste(textured(90, (200, 160)), PRODUCT[:2])
    return picture


def assert_about(found: Bounds, expected: Bounds) -> None:
    for edge, other in zip(found, expected, strict=True):
        assert edge == pytest.approx(other, abs=6)


@pytest.mark.parametrize("level", [0, 30, 128, 240, 248, 255])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_product_on_a_plain_ground_is_found(level: int, mode: str) -> None:
    picture = Image.new("RGB", (800, 600), (level,) * 3)
    picture.paste(textured(90, (200, 160)).point(lambda grey: grey // 2 + 60), PRODUCT[:2])
    assert_about(content(picture.convert(mode)).box, PRODUCT)


def test_a_ground_has_any_colour() -> None:
    assert_about(content(on_ground((20, 60, 200))).box, PRODUCT)


def test_a_product_may_touch_an_edge() -> None:
    picture = Image.new("RGB", (800, 600), (90, 90, 96))
    picture.paste(textured(90, (800, 300)), (0, 300))
    assert_about(content(picture).box, (0, 300, 800, 600))


def test_a_photograph_is_all_content() -> None:
    found = content(textured(60, (800, 600)))
    assert found.box == WHOLE
    assert found.share((0, 0, 64, 64)) == 1


def test_a_picture_of_one_colour_is_all_content() -> None:
    found = content(Image.new("RGB", (800, 600), "white"))
    assert found.box == WHOLE
    assert found.share(WHOLE) == 1


def test_a_dark_corner_with_grain_is_no_ground() -> None:
    night = Image.effect_noise((800, 600), 12).point(lambda level: max(0, level - 100))
    night.paste(textured(90, (200, 160)).convert("L"), PRODUCT[:2])
    assert content(night.convert("RGB")).box == WHOLE


def test_a_bright_sky_over_a_darker_foreground_is_no_ground() -> None:
    clouds = Image.effect_noise((800, 600), 40).filter(ImageFilter.GaussianBlur(2))
    picture = clouds.point(lambda level: min(255, 120 + level)).convert("RGB")
    picture.paste(textured(60, (800, 150)), (0, 450))
    assert content(picture).box == WHOLE


def test_a_shadow_that_runs_out_is_ground() -> None:
    picture = on_ground()
    ImageDraw.Draw(picture).rectangle((100, 500, 700, 590), fill=(246, 246, 246))
    assert_about(content(picture).box, PRODUCT)


def test_what_lies_between_things_is_ground() -> None:
    picture = Image.new("RGB", (800, 600), "white")
    for left, top in ((40, 40), (600, 420)):
        picture.paste(textured(90, (160, 140)), (left, top))
    found = content(picture)
    assert_about(found.box, (40, 40, 760, 560))
    assert found.share((300, 200, 400, 300)) == 0
    assert found.share((50, 50, 150, 150)) == 1
    assert found.share((140, 60, 260, 160)) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("ground", ["white", (12, 12, 14)])
def test_a_line_is_something(ground: str | tuple[int, int, int]) -> None:
    picture = Image.new("RGB", (800, 600), ground)
    ImageDraw.Draw(picture).line((200, 100, 200, 500), fill=(200, 120, 120), width=3)
    assert_about(content(picture).box, (199, 100, 202, 501))


def test_what_is_transparent_is_no_content_whatever_colour_it_hides() -> None:
    picture = textured(60, (800, 600)).convert("RGBA")
    picture.putalpha(0)
    picture.paste((200, 30, 30, 255), (80, 160, 400, 480))
    assert_about(content(picture).box, (80, 160, 400, 480))


def test_content_at_an_edge_ends_with_the_picture() -> None:
    picture = Image.new("RGB", (805, 603), "white")
    picture.paste((120, 20, 20), (400, 200, 805, 400))
    picture.paste((120, 20, 20), (200, 580, 300, 603))
    box = content(picture).box
    assert_about(box, (200, 200, 805, 603))
    assert box[2:] == (805, 603)


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (5, 5)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_the_smallest_pictures_have_content_too(size: tuple[int, int], mode: str) -> None:
    assert content(Image.new(mode, size, "white")).box == (0, 0, *size)
