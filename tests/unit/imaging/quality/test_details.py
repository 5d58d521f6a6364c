"""Details between the tiles of a sample are found where they are far busier than the tiles."""

from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import Encoding, TargetQuality
from tasks.imaging.quality.calibration import CALIBRATIONS
from tasks.imaging.quality.details import CELL_PX, Busyness
from tasks.imaging.quality.metric import SimilarityMetric
from tasks.imaging.quality.sampling import Sample, sample
from tasks.imaging.quality.search import Hint, Subject, encode_to_quality
from tests.unit.imaging.support.pictures import photo

SIZE = 1600
LABEL = 128
SIDE = 64
TARGET = TargetQuality(score=74, low=5, high=97, tolerance=1)


def studio() -> Image.Image:
    """Return a soft ground that is no plain colour, with nothing on it."""
    light = Image.radial_gradient("L").resize((SIZE, SIZE)).point(lambda far: 220 - far * 2 // 5)
    return Image.merge("RGB", (light, light.point(lambda level: level - 5), light))


def label() -> Image.Image:
    """Return fine print."""
    found = Image.blend(
        Image.new("RGB", (LABEL, LABEL), (240, 235, 220)),
        Image.effect_noise((LABEL, LABEL), 60).convert("RGB"),
        0.3,
    )
    draw = ImageDraw.Draw(found)
    for line in range(2, LABEL, 12):
        draw.text((3, line), "Best before 12/27", fill=(160, 20, 20))
    return found


def gaps(places: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Return where a label fits between the tiles."""
    corners = [(x, y) for y in range(0, SIZE - LABEL, 16) for x in range(0, SIZE - LABEL, 16)]
    return [
        (x, y)
        for x, y in corners
        if all(
            x + LABEL <= left or left + SIDE <= x or y + LABEL <= top or top + SIDE <= y
            for left, top in places
        )
    ]


def with_label_between_tiles() -> tuple[Image.Image, tuple[int, int]]:
    """Return a picture whose only detail lies where no tile at even distances does."""
    picture = studio()
    chosen = sample(picture)
    assert chosen is not None
    free = gaps(chosen.places)
    corner = free[len(free) // 2]
    picture.paste(label(), corner)
    return picture, corner


def test_a_label_between_the_tiles_is_looked_at() -> None:
    picture, (x, y) = with_label_between_tiles()
    chosen = sample(picture)
    assert chosen is not None
    assert any(
        x <= left and left + SIDE <= x + LABEL and y <= top and top + SIDE <= y + LABEL
        for left, top in chosen.places
    )


@pytest.mark.parametrize("image_format", [ImageFormat.JPEG, ImageFormat.WEBP])
def test_a_label_between_the_tiles_is_not_sacrificed(image_format: ImageFormat) -> None:
    picture, (x, y) = with_label_between_tiles()
    encoded = encode_to_quality(Subject(picture), Encoding(image_format, TARGET), Hint())
    there = (x, y, x + LABEL, y + LABEL)
    with Image.open(BytesIO(encoded.data)) as found:
        shown = found.convert("RGB").crop(there)
    likeness = SimilarityMetric(Sample(picture.crop(there), None))
    assert likeness.score(shown, CALIBRATIONS[image_format].weights) > 40


def test_where_all_is_alike_no_more_is_looked_at() -> None:
    busyness = Busyness.of(photo(1200, 900))
    assert busyness is not None
    places = [(x, y) for y in range(0, 800, 200) for x in range(0, 1100, 200)]
    assert busyness.missed(places) == []


def test_the_busiest_are_named_and_no_more_than_a_few() -> None:
    picture = Image.new("RGB", (640, 640), (200, 200, 200))
    spots = [(64, 64), (448, 64), (64, 448), (448, 448)]
    for spot in spots:
        picture.paste(Image.effect_noise((64, 64), 80).convert("RGB"), spot)
    busyness = Busyness.of(picture)
    assert busyness is not None
    found = busyness.missed([(256, 256)])
    assert len(found) == 2
    assert set(found) < set(spots)


def test_what_is_hidden_by_transparency_is_no_detail() -> None:
    picture = Image.effect_noise((320, 320), 90).convert("RGBA")
    alpha = Image.new("L", (320, 320), 0)
    alpha.paste(255, (0, 0, 96, 96))
    picture.putalpha(alpha)
    busyness = Busyness.of(picture)
    assert busyness is not None
    assert busyness.missed([(0, 0)]) == []
    (found, *_) = busyness.missed([(224, 224)])
    assert max(found) <= 96


@pytest.mark.parametrize("size", [(2 * CELL_PX, 400), (400, 2 * CELL_PX), (1, 1)])
def test_a_picture_of_less_than_two_cells_has_none(size: tuple[int, int]) -> None:
    assert Busyness.of(Image.new("RGB", size)) is None
