"""The sizes of the variants, from a picture's size and a preset's boxes."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import MAX_SIDE_PX, Box, Encoding, Fit, FixedQuality, Preset
from tasks.imaging.transform.geometry import plan_sizes
from tasks.imaging.transform.sizes import Size, Target

WIDTHS = tuple(Box(width=width) for width in (1600, 800, 400, 200))
SQUARES = (Box(320, 320), Box(160, 160))

UNHURRIED = settings(deadline=None)  # a busy machine proves nothing

lengths = st.integers(1, 60_000)
sizes = st.builds(Size, lengths, lengths)
sides = st.integers(1, 4000)
full_boxes = st.builds(Box, sides, sides)
open_boxes = st.builds(Box, width=sides) | st.builds(Box, height=sides)


def preset(*boxes: Box, fit: Fit = Fit.INSIDE) -> Preset:
    return Preset("test", 1, boxes, (Encoding(ImageFormat.JPEG, FixedQuality(80)),), fit=fit)


def lists(boxes: st.SearchStrategy[Box]) -> st.SearchStrategy[tuple[Box, ...]]:
    return st.lists(boxes, min_size=1, max_size=6).map(tuple)


presets = st.builds(lambda boxes: preset(*boxes), lists(open_boxes | full_boxes)) | st.builds(
    lambda boxes, fit: preset(*boxes, fit=fit),
    lists(full_boxes),
    st.sampled_from([Fit.COVER, Fit.PAD, Fit.STRETCH]),
)


def stems(source: Size, *boxes: Box, fit: Fit = Fit.INSIDE) -> list[str]:
    return [target.stem for target in plan_sizes(preset(*boxes, fit=fit), source)]


def is_within(inner: Size, outer: Size) -> bool:
    return inner.width <= outer.width and inner.height <= outer.height


def test_a_wide_source_gives_every_width_with_its_proportions() -> None:
    assert [target.size for target in plan_sizes(preset(*WIDTHS), Size(3000, 2000))] == [
        Size(1600, 1067),
        Size(800, 533),
        Size(400, 267),
        Size(200, 133),
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Size(640, 480), ["w640", "w400", "w200"]),
        (Size(800, 600), ["w800", "w400", "w200"]),
        (Size(200, 900), ["w200"]),
        (Size(1, 1), ["w1"]),
    ],
)
def test_a_narrower_source_gives_its_own_width_instead_and_none_twice(
    source: Size, expected: list[str]
) -> None:
    assert stems(source, *WIDTHS) == expected


def test_a_very_tall_source_is_made_narrower_until_the_formats_hold_it() -> None:
    targets = plan_sizes(preset(*WIDTHS), Size(1600, 40_000))
    assert [target.stem for target in targets] == ["w655", "w400", "w200"]
    assert max(target.size.height for target in targets) == MAX_SIDE_PX


def test_no_side_ever_vanishes() -> None:
    assert plan_sizes(preset(*WIDTHS), Size(50_000, 1))[-1].size == Size(200, 1)
    assert [t.size for t in plan_sizes(preset(*WIDTHS), Size(1, 50_000))] == [Size(1, MAX_SIDE_PX)]


def test_names_say_which_sides_the_preset_gives() -> None:
    boxes = (Box(width=900), Box(height=500), Box(600, 600))
    assert stems(Size(3000, 2000), *boxes) == ["w900", "h500", "b600x400"]


def test_inside_keeps_to_both_sides_of_a_box() -> None:
    assert [t.size for t in plan_sizes(preset(Box(1000, 300)), Size(3000, 2000))] == [
        Size(450, 300)
    ]


@pytest.mark.parametrize(
    ("source", "whole", "size"),
    [
        (Size(3000, 2000), Size(480, 320), Size(320, 320)),
        (Size(2000, 3000), Size(320, 480), Size(320, 320)),
        (Size(300, 200), Size(300, 200), Size(200, 200)),  # too small: the box shrinks
        (Size(320, 200), Size(320, 200), Size(200, 200)),
        (Size(320, 320), Size(320, 320), Size(320, 320)),
    ],
)
def test_cover_brings_the_shorter_side_to_the_box(source: Size, whole: Size, size: Size) -> None:
    stem = f"b{size.width}x{size.height}"
    planned = plan_sizes(preset(SQUARES[0], fit=Fit.COVER), source)
    assert planned == (Target(stem, size, whole),)


@pytest.mark.parametrize(
    ("source", "whole"),
    [
        (Size(3000, 1500), Size(2000, 1000)),
        (Size(300, 1500), Size(300, 1500)),  # never enlarged inside of its box
        (Size(50, 40), Size(50, 40)),
    ],
)
def test_pad_always_gives_the_whole_box(source: Size, whole: Size) -> None:
    planned = plan_sizes(preset(Box(2000, 2000), fit=Fit.PAD), source)
    assert planned == (Target("b2000x2000", Size(2000, 2000), whole),)


@UNHURRIED
@given(sizes, presets)
def test_the_picture_is_never_enlarged(source: Size, made: Preset) -> None:
    targets = plan_sizes(made, source)
    assert targets
    for target in targets:
        assert is_within(target.whole, source)
        if made.fit is not Fit.PAD:
            assert is_within(target.size, target.whole)


@UNHURRIED
@given(sizes, presets)
def test_every_size_is_one_that_the_formats_hold(source: Size, made: Preset) -> None:
    for target in plan_sizes(made, source):
        assert is_within(Size(1, 1), target.size)
        assert is_within(target.size, Size(MAX_SIDE_PX, MAX_SIDE_PX))


@UNHURRIED
@given(sizes, presets)
def test_every_size_keeps_to_one_of_the_boxes(source: Size, made: Preset) -> None:
    for target in plan_sizes(made, source):
        assert any(
            is_within(target.size, Size(box.width or MAX_SIDE_PX, box.height or MAX_SIDE_PX))
            for box in made.boxes
        )


@UNHURRIED
@given(sizes, presets)
def test_the_whole_picture_keeps_its_proportions_within_a_pixel(source: Size, made: Preset) -> None:
    for target in plan_sizes(made, source):
        by_width = target.whole.width * source.height / source.width
        by_height = target.whole.height * source.width / source.height
        assert abs(by_width - target.whole.height) < 1 or abs(by_height - target.whole.width) < 1, (
            target
        )


@UNHURRIED
@given(sizes, lists(full_boxes))
def test_a_cut_has_its_boxs_proportions_within_a_pixel(
    source: Size, boxes: tuple[Box, ...]
) -> None:
    for box in boxes:
        (target,) = plan_sizes(preset(box, fit=Fit.COVER), source)
        assert box.width is not None
        assert box.height is not None
        by_width = target.size.width * box.height / box.width
        by_height = target.size.height * box.width / box.height
        assert abs(by_width - target.size.height) < 1 or abs(by_height - target.size.width) < 1


@UNHURRIED
@given(sizes, full_boxes)
def test_a_picture_that_is_large_enough_gives_exactly_the_box(source: Size, box: Box) -> None:
    assert box.width is not None
    assert box.height is not None
    wanted = Size(box.width, box.height)
    covered = plan_sizes(preset(box, fit=Fit.COVER), source)[0]
    padded = plan_sizes(preset(box, fit=Fit.PAD), source)[0]
    assert (covered.size == wanted) == is_within(wanted, source)
    assert padded.size == wanted


@UNHURRIED
@given(sizes, full_boxes)
def test_what_is_laid_into_a_box_touches_it_or_has_its_own_size(source: Size, box: Box) -> None:
    whole = plan_sizes(preset(box, fit=Fit.PAD), source)[0].whole
    assert whole == source or whole.width == box.width or whole.height == box.height


@UNHURRIED
@given(sizes, presets)
def test_names_and_sizes_are_unique(source: Size, made: Preset) -> None:
    targets = plan_sizes(made, source)
    assert len({target.stem for target in targets}) == len(targets)
    assert len({target.size for target in targets}) == len(targets)


@UNHURRIED
@given(sizes, presets)
def test_each_can_be_made_from_the_one_before(source: Size, made: Preset) -> None:
    for larger, smaller in pairwise(plan_sizes(made, source)):
        assert is_within(smaller.whole, larger.whole)


@UNHURRIED
@given(sizes, presets)
def test_the_order_of_the_boxes_in_the_file_does_not_matter_for_the_sizes(
    source: Size, made: Preset
) -> None:
    backwards = preset(*reversed(made.boxes), fit=made.fit)
    assert {t.size for t in plan_sizes(made, source)} == {
        t.size for t in plan_sizes(backwards, source)
    }
