"""The sample: which parts of a picture stand for all of it when a quality is looked for."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from tasks.imaging.quality.sampling import LOW_SIDE_PX, SIDE_PX, Sample, sample
from tests.unit.imaging.quality.test_search import textured

_MOST_TILES = 27  # 24, and what rounding to rows adds
_LARGEST_PIECE = 12 * SIDE_PX * SIDE_PX


def sampled(picture: Image.Image) -> Sample:
    chosen = sample(picture)
    assert chosen is not None
    return chosen


def tiles_of(chosen: Sample) -> Iterator[Image.Image]:
    side = chosen.side_px
    assert side is not None
    for top in range(0, chosen.picture.height, side):
        for left in range(0, chosen.picture.width, side):
            yield chosen.picture.crop((left, top, left + side, top + side))


def plain_share(chosen: Sample) -> float:
    normalize_mode = [len(tile.getcolors(SIDE_PX**2) or "many") == 1 for tile in tiles_of(chosen)]
    return sum(normalize_mode) / len(normalize_mode)


def test_a_plain_ground_takes_no_part_in_the_sample() -> None:
    shown = Image.new("RGB", (1024, 1024), "white")
    shown.paste(textured(60, (512, 512)), (256, 256))
    chosen = sampled(shown)
    assert chosen.side_px == SIDE_PX
    assert plain_share(chosen) == 0


@pytest.mark.parametrize("ground", ["white", "black", (40, 90, 160)])
def test_of_things_that_lie_apart_no_more_than_a_fourth_is_ground(
    ground: str | tuple[int, int, int],
) -> None:
    shown = Image.new("RGB", (1200, 1200), ground)
    for left, top in ((60, 60), (900, 80), (500, 920)):
        shown.paste(textured(60, (220, 200)), (left, top))
    chosen = sampled(shown)
    assert plain_share(chosen) <= 0.25
    assert 8 <= len(chosen.places) <= _MOST_TILES


@pytest.mark.parametrize("ground", ["white", (12, 12, 14)])
def test_of_small_pictures_too(ground: str | tuple[int, int, int]) -> None:
    shown = Image.new("RGB", (200, 200), ground)
    for place in ((10, 15), (132, 150)):
        shown.paste(textured(60, (58, 40)), place)
    small = sampled(shown).picture
    normalize_mode = max(count for count, _ in small.getcolors(small.width * small.height) or [])
    assert normalize_mode < small.width * small.height * 0.6


def test_a_thin_thing_across_the_picture_is_looked_at() -> None:
    shown = Image.new("RGB", (1200, 1200), (30, 30, 34))
    knife = textured(120, (1200, 1200))
    mask = Image.new("L", shown.size)
    ImageDraw.Draw(mask).line((80, 1100, 1100, 100), fill=255, width=50)
    shown.paste(knife, mask=mask)
    assert plain_share(sampled(shown)) <= 0.3


@pytest.mark.parametrize("size", [2, 12, 40])
def test_specks_far_apart_are_looked_at_or_at_least_do_no_harm(size: int) -> None:
    shown = Image.new("RGB", (1600, 1600), "white")
    for place in ((0, 0), (1599 - size, 0), (700, 820), (0, 1599 - size)):
        shown.paste((20, 20, 20), (*place, place[0] + size, place[1] + size))
    assert 1 <= len(sampled(shown).places) <= _MOST_TILES


def test_calm_and_busy_parts_are_both_in_the_sample() -> None:
    picture = textured(4, (1024, 1024))
    picture.paste(textured(140, (512, 1024)), (512, 0))
    side, spreads = SIDE_PX, []
    for tile in tiles_of(sampled(picture)):
        edges = tile.convert("L").filter(ImageFilter.FIND_EDGES).crop((1, 1, side - 1, side - 1))
        spreads.append(sum(edges.tobytes()) / (side - 2) ** 2)
    busiest = max(spreads)
    assert 0.3 < sum(each > busiest / 3 for each in spreads) / len(spreads) < 0.7


def test_a_picture_too_small_for_its_coarse_scales_has_no_sample() -> None:
    assert sample(textured(60, (47, 300))) is None


def test_a_lone_mark_on_white_is_looked_at() -> None:
    picture = Image.new("RGB", (1600, 1600), "white")
    ImageDraw.Draw(picture).ellipse((700, 700, 900, 900), fill=(180, 30, 30))
    assert sampled(picture).picture.convert("L").getextrema()[0] < 128


def test_a_shadow_that_runs_out_on_white_is_ground() -> None:
    picture = Image.new("RGB", (800, 800), "white")
    for row in range(700, 800):
        picture.paste((255 - (row - 700) // 10,) * 3, (0, row, 800, row + 1))
    picture.paste(textured(60, (200, 400)), (300, 100))
    darkest = [tile.convert("L").getextrema()[0] for tile in tiles_of(sampled(picture))]
    assert max(darkest) < 200


def test_of_a_low_and_wide_picture_tiles_are_lower() -> None:
    chosen = sampled(textured(60, (6000, 50)))
    assert chosen.side_px == LOW_SIDE_PX
    assert len(chosen.places) <= _MOST_TILES


_SIDES = st.integers(48, 900)
_LEVELS = st.sampled_from((0, 30, 128, 255))


@given(
    size=st.tuples(_SIDES, _SIDES),
    ground=_LEVELS,
    things=st.lists(st.tuples(_SIDES, _SIDES, st.integers(1, 400), st.integers(1, 400), _LEVELS)),
    mode=st.sampled_from(("L", "RGB", "RGBA")),
)
def test_every_picture_has_a_sample_that_lies_in_it_and_is_small(
    size: tuple[int, int], ground: int, things: list[tuple[int, int, int, int, int]], mode: str
) -> None:
    picture = Image.new("L", size, ground)
    for left, top, width, height, level in things:
        picture.paste(level, (left - 48, top - 48, left - 48 + width, top - 48 + height))
    shown = picture.convert(mode)
    if mode == "RGBA":
        shown.putalpha(picture)
    chosen = sampled(shown)
    assert chosen.of(shown).tobytes() == chosen.picture.tobytes()
    if chosen.side_px is None:
        assert chosen.picture.width * chosen.picture.height <= _LARGEST_PIECE
        return
    assert 1 <= len(set(chosen.places)) == len(chosen.places) <= _MOST_TILES
    for left, top in chosen.places:
        assert 0 <= left <= size[0] - chosen.side_px
        assert 0 <= top <= size[1] - chosen.side_px
