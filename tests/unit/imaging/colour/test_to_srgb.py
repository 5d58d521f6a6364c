"""Colours and transparency come out as a browser should show them."""

from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageDraw, ImageStat

from tests.unit.imaging.support.pictures import (
    GREEN,
    RED,
    Colour,
    encoded,
    nearest,
    photo,
    pixel,
    rendered,
    swapped_profile,
    variant,
)

MIDDLE = (30, 30)
SIZE = (60, 60)


def close(one: Colour, other: Colour, tolerance: int = 8) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def through(directory: Path, data: bytes, name: str = "w60-jpeg") -> Image.Image:
    return variant(rendered(directory, data), name)


def ring(mode: str = "RGBA") -> Image.Image:
    """Return a red disc on nothing."""
    picture = Image.new(mode, SIZE, (0, 0, 0, 0) if mode == "RGBA" else 0)
    ImageDraw.Draw(picture).ellipse((10, 10, 50, 50), fill=(*RED, 255))
    return picture


@pytest.mark.parametrize("written", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_embedded_profile_is_followed_and_dropped(tmp_path: Path, written: str) -> None:
    data = encoded(Image.new("RGB", SIZE, RED), written, icc_profile=swapped_profile())
    for name in ("w60-jpeg", "w60-webp"):
        image = through(tmp_path, data, name)
        assert nearest(pixel(image, MIDDLE)) == GREEN
        assert "icc_profile" not in image.info


def test_a_profile_is_followed_beside_an_alpha_channel(tmp_path: Path) -> None:
    data = encoded(ring(), "PNG", icc_profile=swapped_profile())
    image = through(tmp_path, data, "w60-webp")
    assert image.mode == "RGBA"
    assert nearest(pixel(image, MIDDLE)) == GREEN
    assert image.getchannel("A").getextrema() == (0, 255)


def test_an_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    source = photo(90, 90)  # in more bytes than any variant, which is never larger than it
    data = encoded(source, "PNG", icc_profile=profile, compress_level=0)
    tagged = rendered(tmp_path / "with", data)
    bare = rendered(tmp_path / "without", encoded(source, "PNG", compress_level=0))
    assert [each.sha256 for each in tagged.variants] == [each.sha256 for each in bare.variants]


@pytest.mark.parametrize("profile", [b"nonsense", swapped_profile()[:200]])
def test_a_damaged_profile_is_ignored(tmp_path: Path, profile: bytes) -> None:
    data = encoded(Image.new("RGB", SIZE, RED), "JPEG", icc_profile=profile)
    assert close(pixel(through(tmp_path, data), MIDDLE), RED)


def test_a_profile_for_other_pixels_is_ignored(tmp_path: Path) -> None:
    data = encoded(Image.new("L", SIZE, 100), "JPEG", icc_profile=swapped_profile())
    assert close(pixel(through(tmp_path, data), MIDDLE), (100, 100, 100))


@pytest.mark.parametrize("written", ["JPEG", "TIFF"])
def test_print_colours_become_screen_colours(tmp_path: Path, written: str) -> None:
    data = encoded(Image.new("CMYK", SIZE, (0, 255, 255, 0)), written)
    red, green, blue = pixel(through(tmp_path, data), MIDDLE)
    assert red > 200
    assert max(green, blue) < 60


def test_a_palette_is_resolved(tmp_path: Path) -> None:
    data = encoded(Image.new("RGB", SIZE, RED).quantize(4), "PNG")
    assert close(pixel(through(tmp_path, data), MIDDLE), RED)


def test_a_bitmap_becomes_grey(tmp_path: Path) -> None:
    assert pixel(through(tmp_path, encoded(Image.new("1", SIZE, 1), "PNG")), MIDDLE) == (
        255,
        255,
        255,
    )


@pytest.mark.parametrize("written", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path, written: str) -> None:
    data = encoded(Image.new("I;16", SIZE, 100 * 256 + 17), written)
    assert close(pixel(through(tmp_path, data), MIDDLE), (100, 100, 100), tolerance=2)


def test_transparency_is_kept_by_webp_and_laid_on_white_by_jpeg(tmp_path: Path) -> None:
    rendition = rendered(tmp_path, encoded(ring(), "PNG"))
    kept, flat = variant(rendition, "w60-webp"), variant(rendition, "w60-jpeg")
    assert kept.getchannel("A").getextrema() == (0, 255)
    assert flat.mode == "RGB"
    assert close(pixel(flat, (2, 2)), (255, 255, 255))
    assert close(pixel(flat, MIDDLE), RED)


@pytest.mark.parametrize("written", ["GIF", "PNG"])
def test_transparency_of_a_palette_is_kept(tmp_path: Path, written: str) -> None:
    picture = Image.new("P", SIZE, 0)
    picture.putpalette([0, 0, 0, *RED])
    picture.paste(1, (10, 10, 50, 50))
    rendition = rendered(tmp_path, encoded(picture, written, transparency=0))
    assert variant(rendition, "w60-webp").getchannel("A").getextrema() == (0, 255)
    assert close(pixel(variant(rendition, "w60-jpeg"), (2, 2)), (255, 255, 255))


def test_transparency_of_greys_is_kept(tmp_path: Path) -> None:
    picture = Image.merge("LA", (Image.new("L", SIZE, 90), ring().getchannel("A")))
    image = through(tmp_path, encoded(picture, "PNG"), "w60-webp")
    assert image.getchannel("A").getextrema() == (0, 255)


def test_colours_under_transparency_do_not_bleed_when_resized(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (2400, 60), (0, 255, 0, 0))
    picture.paste((*RED, 255), (0, 0, 1201, 60))
    flat = variant(rendered(tmp_path, encoded(picture, "PNG")), "w200-jpeg")
    green_on_edge = [pixel(flat, (x, 2)) for x in range(95, 105)]
    assert all(red >= green - 40 for red, green, _ in green_on_edge)


def test_an_alpha_channel_that_hides_nothing_is_dropped(tmp_path: Path) -> None:
    data = encoded(Image.new("RGBA", SIZE, (*RED, 255)), "PNG")
    assert through(tmp_path, data, "w60-webp").mode == "RGB"


def test_greys_stay_grey(tmp_path: Path) -> None:
    image = through(tmp_path, encoded(Image.linear_gradient("L").resize(SIZE), "JPEG"))
    assert image.mode == "L"
    assert 110 < ImageStat.Stat(image).mean[0] < 145
