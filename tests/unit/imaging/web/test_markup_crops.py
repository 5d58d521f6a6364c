"""The `<picture>` of variants that do not all show the same part of the picture."""

import pytest

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.presets.model import Box, Encoding, Fit, FixedQuality, Preset
from tasks.imaging.transform.geometry import plan_sizes
from tasks.imaging.transform.sizes import Size
from tasks.imaging.web.picture_markup import Linked
from tests.unit.imaging.web.test_picture_markup import BYTES_PER_PX, candidates, image, read

AVIF, WEBP, JPEG = ImageFormat.AVIF, ImageFormat.WEBP, ImageFormat.JPEG
FORMATS = (AVIF, WEBP, JPEG)
Sizes = list[tuple[int, int]]


def linked(sizes: Sizes, *formats: ImageFormat) -> list[Linked]:
    return [
        Linked(
            name=f"b{width}x{height}-{each.value}",
            format=each,
            width=width,
            height=height,
            url=f"/v/b{width}x{height}.{each.extension}",
            bytes=width * height * BYTES_PER_PX[each],
        )
        for width, height in sizes
        for each in formats
    ]


def offered(variants: list[Linked]) -> list[list[str]]:
    """Return the sizes that each source and the `<img>` offer."""
    reader = read(variants)
    return [
        [url.removeprefix("/v/b").partition(".")[0] for url, _ in candidates(each)]
        for each in (*reader.all("source"), image(reader))
    ]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(1200, 630), (600, 600)], ["1200x630"]),
        ([(1200, 630), (600, 600), (600, 315)], ["1200x630", "600x315"]),
        ([(1200, 630), (600, 315), (600, 600)], ["1200x630", "600x315"]),
        ([(1200, 630), (600, 600), (300, 158), (300, 300)], ["1200x630", "300x158"]),
        ([(600, 315), (600, 600)], ["600x600"]),
        ([(600, 600), (600, 315), (300, 157), (200, 200)], ["600x600", "200x200"]),
        ([(1200, 630), (600, 314), (600, 315), (600, 316)], ["1200x630", "600x315"]),
    ],
    ids=str,
)
def test_all_candidates_of_all_formats_show_the_part_that_the_widest_shows(
    sizes: Sizes, expected: list[str]
) -> None:
    assert offered(linked(sizes, *FORMATS)) == [expected] * len(FORMATS)


def test_the_shape_that_the_browser_reserves_is_that_of_every_candidate() -> None:
    shown = image(read(linked([(600, 315), (600, 600), (300, 300)], JPEG)))
    assert (shown["width"], shown["height"]) == ("600", "600")
    assert shown["src"] == "/v/b600x600.jpg"


def test_a_format_that_lacks_the_widest_size_does_not_show_another_crop() -> None:
    """A file that was no smaller than the JPEG was left out."""
    variants = [*linked([(600, 315)], WEBP), *linked([(600, 600), (600, 315)], JPEG)]
    assert offered(variants) == [["600x600"]]


@pytest.mark.parametrize(
    "source", [(3000, 2000), (1601, 977), (100, 4000), (37, 16_000), (4000, 9)]
)
@pytest.mark.parametrize("side", ["width", "height"])
def test_what_rounding_to_whole_pixels_does_costs_no_candidate(
    source: tuple[int, int], side: str
) -> None:
    boxes = tuple(Box(**{side: length}) for length in (1600, 1111, 800, 333, 200, 57))
    preset = Preset("test", 1, boxes, (Encoding(JPEG, FixedQuality(80)),), fit=Fit.INSIDE)
    planned = [target.size for target in plan_sizes(preset, Size(*source))]
    variants = linked([(size.width, size.height) for size in planned], JPEG)
    (shown,) = offered(variants)
    assert {each.partition("x")[0] for each in shown} == {str(size.width) for size in planned}
