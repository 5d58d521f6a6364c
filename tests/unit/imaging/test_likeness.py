"""The likeness: what it calls better, and that it says what SSIMULACRA2 says."""

from io import BytesIO

import pytest
from PIL import Image, ImageDraw, ImageFilter

from tasks.imaging.calibration import CALIBRATIONS
from tasks.imaging.encode import encode, encode_in_a_hurry
from tasks.imaging.likeness import Likeness
from tasks.imaging.sniff import ImageFormat
from tasks.imaging.tiles import SIDE_PX, Sample, sample
from tests.unit.imaging.pictures import encoded
from tests.unit.imaging.test_quality import textured

WEIGHTS = CALIBRATIONS[ImageFormat.JPEG].weights


def likeness_of(picture: Image.Image, changed: Image.Image) -> float:
    return Likeness(Sample(picture, None)).score(changed, WEIGHTS)


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


def test_a_plain_ground_takes_no_part_in_the_sample() -> None:
    shown = Image.new("RGB", (1024, 1024), "white")
    shown.paste(textured(60, (512, 512)), (256, 256))
    chosen = sample(shown)
    assert chosen is not None
    assert chosen.side_px == SIDE_PX
    across, down = (side // SIDE_PX for side in chosen.picture.size)
    for row in range(down):
        for column in range(across):
            left, top = column * SIDE_PX, row * SIDE_PX
            tile = chosen.picture.crop((left, top, left + SIDE_PX, top + SIDE_PX))
            assert tile.getextrema() != ((255, 255),) * 3


def test_calm_and_busy_parts_are_both_in_the_sample() -> None:
    picture = textured(4, (1024, 1024))
    picture.paste(textured(140, (512, 1024)), (512, 0))
    chosen = sample(picture)
    assert chosen is not None
    side = SIDE_PX
    spreads = []
    for top in range(0, chosen.picture.height, side):
        for left in range(0, chosen.picture.width, side):
            tile = chosen.picture.crop((left, top, left + side, top + side)).convert("L")
            edges = tile.filter(ImageFilter.FIND_EDGES).crop((1, 1, side - 1, side - 1))
            spreads.append(sum(edges.tobytes()) / (side - 2) ** 2)
    busiest = max(spreads)
    assert 0.3 < sum(each > busiest / 3 for each in spreads) / len(spreads) < 0.7


def test_a_picture_too_small_for_its_coarse_scales_has_no_sample() -> None:
    assert sample(textured(60, (47, 300))) is None


def test_a_lone_mark_on_white_is_looked_at() -> None:
    picture = Image.new("RGB", (1600, 1600), "white")
    ImageDraw.Draw(picture).ellipse((700, 700, 900, 900), fill=(180, 30, 30))
    chosen = sample(picture)
    assert chosen is not None
    assert chosen.picture.convert("L").getextrema()[0] < 128


def test_what_an_encoder_mixes_with_the_neighbouring_tile_does_not_count() -> None:
    original = textured(60, (SIDE_PX * 2, SIDE_PX))
    seam = original.copy()
    seam.paste((255, 0, 0), (SIDE_PX - 2, 0, SIDE_PX + 2, SIDE_PX))
    assert Likeness(Sample(original, SIDE_PX)).score(seam, WEIGHTS) == 100
    assert Likeness(Sample(original, None)).score(seam, WEIGHTS) < 90


def test_a_shadow_that_runs_out_on_white_is_ground() -> None:
    picture = Image.new("RGB", (800, 800), "white")
    for row in range(700, 800):
        picture.paste((255 - (row - 700) // 10,) * 3, (0, row, 800, row + 1))
    picture.paste(textured(60, (200, 200)), (300, 100))
    chosen = sample(picture)
    assert chosen is not None
    columns = chosen.picture.width // SIDE_PX
    tiles = columns * (chosen.picture.height // SIDE_PX)
    boxes = (
        (n % columns * SIDE_PX, n // columns * SIDE_PX, (n % columns + 1) * SIDE_PX)
        for n in range(tiles)
    )
    darkest = [
        chosen.picture.crop((left, top, right, top + SIDE_PX)).convert("L").getextrema()[0]
        for left, top, right in boxes
    ]
    assert max(darkest) < 200


def test_trying_a_number_out_in_a_hurry_gives_the_same_jpeg_pixels() -> None:
    picture = textured(60, (128, 128))
    quick, whole = (
        Image.open(BytesIO(write(picture, ImageFormat.JPEG, 70)))
        for write in (encode_in_a_hurry, encode)
    )
    assert quick.tobytes() == whole.tobytes()
