"""The number of an animation is the one at which the whole file meets the policy."""

from pathlib import Path

import pytest
from PIL import Image

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import Box, ByteBudget, FixedQuality, TargetQuality
from tests.unit.imaging.quality.test_search import textured
from tests.unit.imaging.support.moving import animation, difference, keeping, made, played, turning

WEBP, AVIF, JPEG = ImageFormat.WEBP, ImageFormat.AVIF, ImageFormat.JPEG
BOTH = [WEBP, AVIF]
GOOD = FixedQuality(80)


@pytest.mark.parametrize("image_format", BOTH)
def test_a_target_is_met_by_what_the_file_really_shows(
    tmp_path: Path, image_format: ImageFormat
) -> None:
    data = animation(turning(6, (300, 200)), "WEBP", lossless=True)
    target = TargetQuality(75, 5, 95, 2)
    preset = keeping(image_format, quality=target, boxes=(Box(width=240),))
    file = made(tmp_path, data, preset).variants[0]
    assert file.score is not None
    assert 71 <= file.score <= 86
    assert file.quality is not None


@pytest.mark.parametrize("image_format", BOTH)
def test_a_byte_budget_holds_for_the_whole_animation(
    tmp_path: Path, image_format: ImageFormat
) -> None:
    data = animation(turning(5, (300, 200)), "WEBP", lossless=True)
    boxes = (Box(width=240),)
    free = made(tmp_path, data, keeping(image_format, quality=FixedQuality(90), boxes=boxes))
    budget = ByteBudget(free.variants[0].bytes // 2, 5, 95)
    bound = made(tmp_path, data, keeping(image_format, quality=budget, boxes=boxes)).variants[0]
    assert bound.bytes <= budget.max_bytes
    assert bound.frames == 5


def test_no_animation_exceeds_its_source_at_the_same_size(tmp_path: Path) -> None:
    data = animation(turning(5, (200, 150)), "WEBP", quality=20)
    preset = keeping(WEBP, quality=TargetQuality(92, 10, 95, 2), boxes=(Box(width=200),))
    assert made(tmp_path, data, preset).variants[0].bytes <= len(data)


def test_a_drawing_stays_without_loss_where_that_is_smaller(tmp_path: Path) -> None:
    pictures = []
    for left in range(4):
        picture = Image.new("RGB", (200, 150), "white")
        for line in range(0, 150, 6):
            picture.paste((0, 0, 160), (left * 9, line, 200, line + 2))
        pictures.append(picture)
    preset = keeping(WEBP, quality=GOOD, boxes=(Box(width=200),))
    file = made(tmp_path, animation(pictures, "GIF"), preset).variants[0]
    assert (file.quality, file.score, file.frames) == (None, 100.0, 4)
    for (found, _), picture in zip(played(file), pictures, strict=True):
        assert difference(found, picture) == 0


def test_a_moving_file_is_not_left_out_for_a_still_one_that_is_smaller(tmp_path: Path) -> None:
    data = animation(turning(6), "GIF")
    preset = keeping(WEBP, JPEG, quality=GOOD, drop_larger=True)
    files = made(tmp_path, data, preset).variants
    assert [each.name for each in files] == ["w100-webp", "w100-jpeg", "w50-webp", "w50-jpeg"]


def test_a_slow_zoom_does_not_fall_behind_what_a_still_picture_shows(tmp_path: Path) -> None:
    # Each step changes pixels by less than libwebp cares about; together they are another picture.
    base = textured(40, (480, 360))
    pictures = [
        base.resize(
            (240, 180), Image.Resampling.BICUBIC, box=(n / 2, n / 2, 480 - n / 2, 360 - n / 2)
        )
        for n in range(12)
    ]
    data = animation(pictures, "PNG")
    preset = keeping(WEBP, quality=TargetQuality(74, 25, 95, 2), boxes=(Box(width=240),))
    file = made(tmp_path, data, preset).variants[0]
    assert file.score is not None
    assert file.score >= 71
