"""The perceptual hash: equal looks, near hashes; different looks, far ones."""

from io import BytesIO
from itertools import combinations
from random import Random

import pytest
from PIL import Image

from tasks.imaging.web.phash import differing_bits, phash
from tests.pictures import SAMPLE

ALIKE, DIFFERENT = 10, 16  # bits of 64


def scene(seed: int) -> Image.Image:
    """Return soft coloured shapes, other ones for each seed."""
    levels = Random(seed).randbytes(9 * 7 * 3)
    return Image.frombytes("RGB", (9, 7), levels).resize((450, 350), Image.Resampling.BICUBIC)


def again(image: Image.Image, side: int, image_format: str, quality: int) -> Image.Image:
    """Return a copy as a shop would have it: smaller and compressed."""
    copy, buffer = image.copy(), BytesIO()
    copy.thumbnail((side, side))
    copy.save(buffer, image_format, quality=quality)
    return Image.open(buffer)


@pytest.fixture(scope="module")
def product() -> Image.Image:
    with Image.open(SAMPLE) as image:
        return image.reduce(4)


def test_it_is_the_hash_that_imagehash_gives() -> None:
    levels = [
        (x * x * 3 + y * 7 * x + 11 * y * y + 5 * x) % 256 for y in range(32) for x in range(32)
    ]
    assert phash(Image.frombytes("L", (32, 32), bytes(levels))) == "b6c7a87ab50948da"


@pytest.mark.parametrize("side", [400, 200, 100])
@pytest.mark.parametrize(("image_format", "quality"), [("JPEG", 80), ("JPEG", 40), ("WEBP", 60)])
def test_a_smaller_or_worse_copy_has_nearly_the_same_hash(
    product: Image.Image, side: int, image_format: str, quality: int
) -> None:
    for image in (product, *map(scene, range(3))):
        copy = again(image, side, image_format, quality)
        assert differing_bits(phash(image), phash(copy)) <= ALIKE


def test_different_pictures_have_hashes_far_apart(product: Image.Image) -> None:
    hashes = [phash(each) for each in (product, *map(scene, range(8)))]
    assert min(differing_bits(*pair) for pair in combinations(hashes, 2)) >= DIFFERENT


def test_a_mirrored_picture_is_another_one(product: Image.Image) -> None:
    mirrored = product.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert differing_bits(phash(product), phash(mirrored)) >= DIFFERENT


def test_pictures_of_one_colour_have_one_hash() -> None:
    """Nothing is in them but rounding, which differs with the colour."""
    colours = ((255, 255, 255), (200, 20, 30), (202, 20, 30), (9, 9, 9), (123, 200, 7))
    assert len({phash(Image.new("RGB", (60, 40), colour)) for colour in colours}) == 1


def test_it_is_16_hexadecimal_digits_even_when_the_first_are_noughts() -> None:
    found = {len(phash(scene(seed))) for seed in range(20)} | {len(phash(Image.new("L", (9, 9))))}
    assert found == {16}


def test_differing_bits_are_counted() -> None:
    assert differing_bits("0" * 16, "f" + "0" * 14 + "1") == 5
    assert differing_bits("a" * 16, "a" * 16) == 0
