"""Smaller pictures look like the large one: no fringes, no drift, no ringing of the reduction."""

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from tasks.imaging.transform.resize import shrink
from tasks.imaging.transform.sizes import Size
from tests.unit.imaging.support.pictures import RED, Colour, photo


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference in levels of 255."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def disc(hidden: Colour) -> Image.Image:
    """Return a red disc on nothing, with a colour hidden under the transparency."""
    picture = Image.new("RGBA", (1200, 1200), (*hidden, 0))
    ImageDraw.Draw(picture).ellipse((101, 101, 1099, 1099), fill=(*RED, 255))
    return picture


def test_a_picture_of_the_right_size_is_left_as_it_is() -> None:
    picture = photo(40, 30)
    assert shrink(picture, Size(40, 30)) is picture


@pytest.mark.parametrize("hidden", [(0, 0, 0), (0, 255, 0), (255, 255, 255)])
@pytest.mark.parametrize("width", [700, 150, 20])
def test_colours_under_transparency_leave_no_fringe(hidden: Colour, width: int) -> None:
    small = shrink(disc(hidden), Size(width, width))
    on_red = Image.new("RGB", small.size, RED)
    on_red.paste(small, mask=small)
    changed = ImageChops.difference(on_red, Image.new("RGB", on_red.size, RED))
    _, green, blue = changed.split()
    assert ImageChops.lighter(green, blue).getextrema() <= (0, 3), "nothing has another colour"
    darkest = on_red.getchannel("R").getextrema()[0]
    assert isinstance(darkest, int)
    assert darkest >= RED[0] - 3, "and nothing is darker; Lanczos makes the very edge lighter"


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_large_reduction_looks_like_an_unhurried_one(mode: str) -> None:
    picture = photo(2400, 1600).convert(mode)
    unhurried = picture.resize((150, 100), Image.Resampling.LANCZOS)
    assert difference(shrink(picture, Size(150, 100)), unhurried) < 0.6


def test_a_chain_of_reductions_keeps_the_mean_colour() -> None:
    picture = chained = photo(2400, 1600)
    for width in (1600, 800, 400, 200):
        chained = shrink(chained, Size(width, width * 2 // 3))
    drift = zip(ImageStat.Stat(picture).mean, ImageStat.Stat(chained).mean, strict=True)
    assert all(abs(before - after) < 0.5 for before, after in drift)
