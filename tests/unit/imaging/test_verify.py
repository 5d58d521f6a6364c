"""A written file counts when it shows the picture that was meant, however small and loud it is."""

from pathlib import Path
from random import Random

import pytest
from PIL import Image

from infra.errors import PixelsFailed
from tasks.imaging.encode import encode
from tasks.imaging.sniff import ImageFormat
from tasks.imaging.verify import Meant, verify

LOSSY = [ImageFormat.JPEG, ImageFormat.WEBP, ImageFormat.AVIF]
SIZES = [(1, 1), (3, 2), (5, 40), (16, 12), (24, 24), (32, 32), (31, 127)]


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


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("colour", ["white", "black"])
def test_a_blank_file_is_not_the_picture(
    tmp_path: Path, colour: str, size: tuple[int, int]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(encode(Image.new("RGB", size, colour), ImageFormat.JPEG, 90))
    with pytest.raises(PixelsFailed):
        verify(path, ImageFormat.JPEG, Meant.of(loud(size)))


def _fast(image_format: ImageFormat) -> int | None:
    return 10 if image_format is ImageFormat.AVIF else None
