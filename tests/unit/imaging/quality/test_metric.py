"""The similarity: what it calls better, and that it says what SSIMULACRA2 says."""

from io import BytesIO

import pytest
from PIL import Image, ImageFilter

from tasks.imaging.encode.encoders import encode, encode_in_a_hurry
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.quality.calibration import CALIBRATIONS
from tasks.imaging.quality.metric import SimilarityMetric
from tasks.imaging.quality.sampling import SIDE_PX, Sample
from tests.unit.imaging.quality.test_search import textured
from tests.unit.imaging.support.pictures import encoded

WEIGHTS = CALIBRATIONS[ImageFormat.JPEG].weights


def likeness_of(picture: Image.Image, changed: Image.Image) -> float:
    return SimilarityMetric(Sample(picture, None)).score(changed, WEIGHTS)


def test_the_picture_itself_has_100_points() -> None:
    picture = textured(60)
    assert likeness_of(picture, picture.copy()) == pytest.approx(100, abs=0.1)


def test_each_loss_of_quality_costs_points() -> None:
    picture = textured(60)
    scores = [
        likeness_of(picture, Image.open(BytesIO(encoded(picture, "JPEG", quality=quality))))
        for quality in (95, 85, 70, 50, 30, 10)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 85
    assert scores[-1] < 55


def test_blur_noise_and_wrong_colours_are_seen() -> None:
    picture = textured(60)
    red, green, blue = picture.split()
    changes = (
        picture.filter(ImageFilter.GaussianBlur(1.5)),
        Image.blend(picture, Image.effect_noise(picture.size, 120).convert("RGB"), 0.1),
        Image.merge("RGB", (red.point(lambda level: min(255, level + 25)), green, blue)),
    )
    for changed in changes:
        assert likeness_of(picture, changed) < 90


def test_damage_in_one_place_counts_for_more_than_its_share_of_the_picture() -> None:
    picture = textured(60, (512, 512))
    ruined = picture.filter(ImageFilter.GaussianBlur(4))
    spoiled = picture.copy()
    spoiled.paste(ruined.crop((0, 0, 128, 128)), (0, 0))
    everywhere = 100 - likeness_of(picture, ruined)
    in_a_sixteenth = 100 - likeness_of(picture, spoiled)
    assert in_a_sixteenth > everywhere / 16 * 2


def test_what_an_encoder_mixes_with_the_neighbouring_tile_does_not_count() -> None:
    original = textured(60, (SIDE_PX * 2, SIDE_PX))
    seam = original.copy()
    seam.paste((255, 0, 0), (SIDE_PX - 2, 0, SIDE_PX + 2, SIDE_PX))
    assert SimilarityMetric(Sample(original, SIDE_PX)).score(seam, WEIGHTS) == 100
    assert SimilarityMetric(Sample(original, None)).score(seam, WEIGHTS) < 90


def test_trying_a_number_out_in_a_hurry_gives_the_same_jpeg_pixels() -> None:
    picture = textured(60, (128, 128))
    quick, whole = (
        Image.open(BytesIO(write(picture, ImageFormat.JPEG, 70)))
        for write in (encode_in_a_hurry, encode)
    )
    assert quick.tobytes() == whole.tobytes()
