"""Sharpening gives back edges, and nothing else changes."""

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageStat

from tasks.imaging.transform.resize import shrink
from tasks.imaging.transform.sharpen import sharpen
from tasks.imaging.transform.sizes import Size
from tests.unit.imaging.support.pictures import RED, photo, pixel


def steepness(image: Image.Image) -> float:
    """Return how much neighbours differ, on average."""
    return ImageStat.Stat(image.convert("L").filter(ImageFilter.FIND_EDGES)).mean[0]


def small(mode: str = "RGB") -> Image.Image:
    return shrink(photo(900, 600), Size(150, 100)).convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_edges_get_steeper_the_stronger_it_is(mode: str) -> None:
    picture = small(mode)
    light, full = sharpen(picture, 0.3), sharpen(picture, 1.0)
    assert (light.mode, light.size) == (mode, picture.size)
    assert steepness(picture) * 1.02 < steepness(light) < steepness(full) < steepness(picture) * 2


def test_no_strength_is_no_work() -> None:
    picture = small()
    assert sharpen(picture, 0) is picture


def test_faint_structure_is_left_alone() -> None:
    faint = Image.effect_noise((60, 60), 10).point(lambda level: 128 + 6 * (level // 128))
    assert sharpen(faint, 1.0).tobytes() == faint.tobytes()


def test_nothing_shines_through_at_the_edge_of_transparency() -> None:
    picture = Image.new("RGBA", (60, 60), (0, 255, 0, 0))
    picture.paste((*RED, 255), (20, 20, 40, 40))
    sharpened = sharpen(picture, 1.0)
    assert sharpened.getchannel("A").tobytes() == picture.getchannel("A").tobytes()
    assert {pixel(sharpened, (x, 30)) for x in range(20, 40)} == {RED}


def test_inside_of_an_opaque_part_edges_get_steeper_as_well() -> None:
    picture = small("RGBA")
    picture.putalpha(0)
    picture.paste(small(), (0, 0), Image.new("L", picture.size, 255))
    inner = (40, 40, 100, 80)
    changed = ImageChops.difference(sharpen(picture, 1.0).crop(inner), picture.crop(inner))
    assert changed.convert("RGB").getbbox()
