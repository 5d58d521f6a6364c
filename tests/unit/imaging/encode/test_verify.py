"""A written file counts when it shows the picture that was meant, however small and loud it is."""

from pathlib import Path
from random import Random

import pytest
from PIL import Image

from infra.contract.errors import PixelsFailed
from tasks.imaging.encode.encoders import encode
from tasks.imaging.encode.verify import Meant, verify
from tasks.imaging.formats.detect import ImageFormat
from tests.unit.imaging.support.pictures import photo

LOSSY = [ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF]
SIZES = [(1, 1), (3, 2), (5, 40), (16, 12), (24, 24), (32, 32), (31, 127), (3, 700), (261, 300)]


def loud(size: tuple[int, int]) -> Image.Image:
    """Return pure colours, another in each pixel: what encoders show worst."""
    picture, random = Image.new("RGB", size), Random(4)
    for x in range(size[0]):
        for y in range(size[1]):
            picture.putpixel((x, y), random.choice([(255, 0, 0), (0, 255, 0), (0, 0, 255)]))
    return picture


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("image_format", LOSSY)
def test_fine_colours_that_an_encoder_mixes_are_still_the_picture(
    tmp_path: Path, image_format: ImageFormat, size: tuple[int, int]
) -> None:
    path, picture = tmp_path / "file", loud(size)
    path.write_bytes(encode(picture, image_format, 60, effort=_fast(image_format)))
    assert verify(path, image_format, Meant.of(picture)).bytes == path.stat().st_size


def striped(size: tuple[int, int], colours: tuple[str, str]) -> Image.Image:
    """Return rows of one pixel in two colours by turns."""
    picture = Image.new("RGB", size, colours[0])
    for y in range(1, size[1], 2):
        picture.paste(colours[1], (0, y, size[0], y + 1))
    return picture


@pytest.mark.parametrize("size", [(1, 4), (12, 14), (97, 2), (300, 200)])
@pytest.mark.parametrize("colours", [("blue", "cyan"), ("red", "white"), ("magenta", "lime")])
@pytest.mark.parametrize("image_format", LOSSY)
def test_stripes_of_pure_colours_are_still_the_picture(
    tmp_path: Path, image_format: ImageFormat, colours: tuple[str, str], size: tuple[int, int]
) -> None:
    path, picture = tmp_path / "file", striped(size, colours)
    path.write_bytes(encode(picture, image_format, 25, effort=_fast(image_format)))
    assert verify(path, image_format, Meant.of(picture)).bytes == path.stat().st_size


@pytest.mark.parametrize("found", [(0, 0, 255), (255, 0, 0), (200, 40, 150)])
def test_a_picture_in_wrong_colours_is_not_the_picture(
    tmp_path: Path, found: tuple[int, int, int]
) -> None:
    """Not even where it is as light: the last is."""
    path, picture = tmp_path / "file", Image.new("RGB", (300, 200), (50, 110, 150))
    path.write_bytes(encode(Image.new("RGB", picture.size, found), ImageFormat.JPEG, 90))
    with pytest.raises(PixelsFailed):
        verify(path, ImageFormat.JPEG, Meant.of(picture))


def test_a_picture_with_its_colours_exchanged_is_not_the_picture(tmp_path: Path) -> None:
    path, picture = tmp_path / "file", Image.new("RGB", (300, 200), "red")
    red, green, blue = picture.split()
    path.write_bytes(encode(Image.merge("RGB", (blue, green, red)), ImageFormat.JPEG, 90))
    with pytest.raises(PixelsFailed):
        verify(path, ImageFormat.JPEG, Meant.of(picture))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("colour", ["white", "black"])
def test_a_blank_file_is_not_the_picture(
    tmp_path: Path, colour: str, size: tuple[int, int]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(encode(Image.new("RGB", size, colour), ImageFormat.JPEG, 90))
    with pytest.raises(PixelsFailed):
        verify(path, ImageFormat.JPEG, Meant.of(loud(size)))


@pytest.mark.parametrize("level", [0, 128, 215])
def test_a_ground_without_its_product_is_not_the_picture(tmp_path: Path, level: int) -> None:
    picture = Image.new("RGB", (800, 600), "white")
    path = tmp_path / "file"
    path.write_bytes(encode(picture, ImageFormat.WEBP, 80))
    picture.paste((level,) * 3, (400, 300, 500, 400))
    with pytest.raises(PixelsFailed):
        verify(path, ImageFormat.WEBP, Meant.of(picture))


@pytest.mark.parametrize("quality", [1, 25])
@pytest.mark.parametrize("image_format", LOSSY)
def test_the_worst_qualities_still_show_the_picture(
    tmp_path: Path, image_format: ImageFormat, quality: int
) -> None:
    path, picture = tmp_path / "file", photo(400, 300)
    path.write_bytes(encode(picture, image_format, quality, effort=_fast(image_format)))
    assert verify(path, image_format, Meant.of(picture)).frames == 1


def _fast(image_format: ImageFormat) -> int | None:
    return 10 if image_format is ImageFormat.AVIF else None
