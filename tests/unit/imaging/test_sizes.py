"""The sizes of the variants, from a source's size and the wanted widths."""

from tasks.imaging.sizes import MAX_SIDE_PX, Size, plan_sizes

WIDTHS = (1600, 800, 400, 200)


def widths(source: Size) -> list[int]:
    return [size.width for size in plan_sizes(source, WIDTHS)]


def test_a_wide_source_gives_every_width_with_its_proportions() -> None:
    assert plan_sizes(Size(3000, 2000), WIDTHS) == (
        Size(1600, 1067),
        Size(800, 533),
        Size(400, 267),
        Size(200, 133),
    )


def test_a_narrower_source_gives_its_own_width_instead() -> None:
    assert widths(Size(640, 480)) == [640, 400, 200]
    assert widths(Size(1, 1)) == [1]


def test_an_equal_width_is_not_made_twice() -> None:
    assert widths(Size(800, 600)) == [800, 400, 200]
    assert widths(Size(200, 900)) == [200]


def test_a_very_tall_source_is_made_narrower_until_the_formats_hold_it() -> None:
    sizes = plan_sizes(Size(1600, 40_000), WIDTHS)
    assert [size.width for size in sizes] == [655, 400, 200]
    assert max(size.height for size in sizes) <= MAX_SIDE_PX


def test_no_side_ever_vanishes() -> None:
    assert plan_sizes(Size(50_000, 1), WIDTHS)[-1] == Size(200, 1)
    assert plan_sizes(Size(1, 50_000), WIDTHS) == (Size(1, MAX_SIDE_PX),)
