"""Pictures brought into their boxes, judged by pixels, whichever way the camera was held."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.pipeline import render
from tasks.imaging.presets.model import Box, Encoding, Fit, FixedQuality, Preset, Trim
from tasks.imaging.transform.geometry import fit_to_box, plan_sizes
from tasks.imaging.transform.resize import shrink
from tasks.imaging.transform.sizes import Size
from tests.unit.imaging.support.pictures import (
    BLUE,
    GREEN,
    LIMITS,
    RED,
    YELLOW,
    Colour,
    corner_colours,
    corners,
    encoded,
    nearest,
    oriented,
    pixel,
    variant,
)

BLOCKS = (RED, GREEN, BLUE, YELLOW)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
ORIENTATIONS = range(1, 9)

# How a camera held each way stores an upright picture: the opposite of the turn that shows it.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def preset(box: Box, fit: Fit, **parts: object) -> Preset:
    encodings = (Encoding(ImageFormat.WEBP, FixedQuality(90)),)
    return replace(Preset("test", 1, (box,), encodings, fit=fit), **parts)  # type: ignore[arg-type]  # any part


def fitted(picture: Image.Image, made: Preset) -> Image.Image:
    (target,) = plan_sizes(made, Size(*picture.size))
    result = fit_to_box(shrink(picture, target.whole), target, made)
    assert result.size == (target.size.width, target.size.height)
    return result


def made_of(
    directory: Path, picture: Image.Image, made: Preset, orientation: int = 1
) -> Image.Image:
    """Return the only variant of an upright picture that was stored by a turned camera."""
    directory.mkdir(exist_ok=True)
    source = directory / "source"
    turn = STORED.get(orientation)
    stored = picture if turn is None else picture.transpose(turn)
    source.write_bytes(encoded(stored, "PNG", exif=oriented(orientation)))
    rendition = render(source, directory, made, limits=LIMITS)
    (only,) = rendition.variants
    return variant(rendition, only.name)


@pytest.mark.parametrize(
    ("focus", "colour"),
    [((0, 0), RED), ((1, 0), GREEN), ((0, 1), BLUE), ((1, 1), YELLOW), ((0.1, 0.9), BLUE)],
)
@pytest.mark.parametrize("size", [(400, 100), (100, 400)])
def test_a_cut_shows_the_surroundings_of_the_focal_point(
    focus: tuple[float, float], colour: Colour, size: tuple[int, int]
) -> None:
    cut = fitted(corners(size, BLOCKS), preset(Box(100, 100), Fit.COVER, focus=focus))
    at = tuple(min(99, int(place * 100)) for place in focus)
    assert nearest(pixel(cut, (at[0], at[1]))) == colour


def test_a_cut_around_the_middle_shows_equal_parts_of_both_sides() -> None:
    cut = fitted(corners((400, 100), BLOCKS), preset(Box(100, 100), Fit.COVER))
    assert corner_colours(cut) == BLOCKS
    assert (pixel(cut, (49, 0)), pixel(cut, (50, 0))) == (RED, GREEN)


def test_a_box_of_the_pictures_proportions_cuts_nothing() -> None:
    picture = corners((300, 200), BLOCKS)
    cut = fitted(picture, preset(Box(300, 200), Fit.COVER))
    assert cut.tobytes() == picture.tobytes()


@pytest.mark.parametrize("size", [(400, 200), (200, 400), (30, 20)])
def test_a_padded_picture_lies_whole_in_the_middle_of_its_colour(size: tuple[int, int]) -> None:
    padded = fitted(corners(size, BLOCKS), preset(Box(100, 100), Fit.PAD, background=BLACK))
    shown = padded.convert("L").point(lambda level: 255 * (level > 9)).getbbox()
    assert shown is not None
    left, top, right, bottom = shown
    assert abs((100 - right) - left) <= 1
    assert abs((100 - bottom) - top) <= 1
    assert corner_colours(padded.crop(shown)) == BLOCKS
    assert (right - left, bottom - top) == (size if max(size) < 100 else _within_100(size))


def _within_100(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] * 100 // max(size), size[1] * 100 // max(size)


def test_a_padded_picture_shows_its_ground_through_transparency() -> None:
    clear = Image.new("RGBA", (50, 20), (0, 255, 0, 0))
    clear.paste((*RED, 255), (20, 5, 30, 15))
    padded = fitted(clear, preset(Box(80, 80), Fit.PAD, background=(10, 20, 30)))
    assert padded.mode == "RGB"
    assert {pixel(padded, (0, 0)), pixel(padded, (16, 31))} == {(10, 20, 30)}
    assert pixel(padded, (40, 40)) == RED


def test_greys_stay_grey_on_grey_and_become_colours_on_colour() -> None:
    grey = Image.new("L", (50, 20), 90)
    assert fitted(grey, preset(Box(80, 80), Fit.PAD)).mode == "L"
    coloured = fitted(grey, preset(Box(80, 80), Fit.PAD, background=RED))
    assert (pixel(coloured, (0, 0)), pixel(coloured, (40, 40))) == (RED, (90, 90, 90))


@pytest.mark.parametrize("size", [(400, 100), (100, 400), (333, 217)])
def test_a_stretched_picture_fills_its_box_and_nothing_is_cut(size: tuple[int, int]) -> None:
    stretched = fitted(corners(size, BLOCKS), preset(Box(60, 60), Fit.STRETCH))
    assert stretched.size == (60, 60)
    assert corner_colours(stretched) == BLOCKS


def test_a_picture_that_is_too_small_on_one_side_is_stretched_on_the_other_alone() -> None:
    stretched = fitted(corners((400, 40), BLOCKS), preset(Box(60, 60), Fit.STRETCH))
    assert stretched.size == (60, 40)


def test_what_the_picture_says_of_its_maker_stays_with_it() -> None:
    picture = corners((200, 100), BLOCKS)
    picture.info = {"exif": b"a name"}
    for fit in Fit:
        assert fitted(picture, preset(Box(50, 50), fit)).info == {"exif": b"a name"}


SHOWN = {  # of a picture of 64 by 96: what of the result shows the four blocks evenly
    Fit.INSIDE: (0, 0, 20, 30),
    Fit.PAD: (10, 0, 30, 30),
    Fit.COVER: (0, 0, 40, 30),
    Fit.STRETCH: (0, 0, 40, 30),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("fit", Fit)
def test_every_fit_comes_out_upright(tmp_path: Path, fit: Fit, orientation: int) -> None:
    made = preset(Box(40, 30), fit, background=BLACK)
    image = made_of(tmp_path, corners((64, 96), BLOCKS), made, orientation)
    assert image.size == ((20, 30) if fit is Fit.INSIDE else (40, 30))
    assert corner_colours(image.crop(SHOWN[fit])) == BLOCKS


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_focal_point_is_one_of_the_upright_picture(tmp_path: Path, orientation: int) -> None:
    made = preset(Box(40, 20), Fit.COVER, focus=(0.5, 0))
    image = made_of(tmp_path, corners((64, 96), BLOCKS), made, orientation)
    assert corner_colours(image) == (RED, GREEN, RED, GREEN)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_border_is_cut_off_before_the_sizes_are_planned(tmp_path: Path, orientation: int) -> None:
    bordered = Image.new("RGB", (200, 300), WHITE)
    bordered.paste(corners((60, 80), BLOCKS), (20, 150))
    made = preset(Box(width=1000), Fit.INSIDE, trim=Trim())
    image = made_of(tmp_path, bordered, made, orientation)
    assert image.size == (60, 80)
    assert corner_colours(image) == BLOCKS


def test_a_picture_on_white_fills_its_square_up_to_the_margin(tmp_path: Path) -> None:
    bordered = Image.new("RGB", (1000, 600), (250, 250, 250))
    bordered.paste(RED, (400, 250, 600, 350))
    made = preset(Box(100, 100), Fit.PAD, trim=Trim(margin=0.1))
    image = made_of(tmp_path, bordered, made).convert("RGB")
    red = image.getchannel("G").point(lambda level: 255 * (level < 128)).getbbox()
    assert red is not None
    assert abs((red[2] - red[0]) - 83) <= 2  # 200 of 240 pixels
    assert pixel(image, (2, 2)) == WHITE
