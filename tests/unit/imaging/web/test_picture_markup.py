"""The `<picture>` markup, read back as a browser reads it."""

import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from random import Random
from typing import Any

import pytest

from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import PageFacts
from tasks.imaging.web.picture_markup import Linked, picture_markup

BYTES_PER_PX = {
    ImageFormat.AVIF: 1,
    ImageFormat.WEBP: 2,
    ImageFormat.JPEG: 3,
    ImageFormat.PNG: 4,
    ImageFormat.GIF: 5,
}
AVIF, WEBP, JPEG, PNG = ImageFormat.AVIF, ImageFormat.WEBP, ImageFormat.JPEG, ImageFormat.PNG
HOSTILE = """Tom's "best" <b>& more</b>"""
OPAQUE = PageFacts("#7d3c13", "dBgOFQL4Z3uHlmiYZ4dnpweFdVBY", "e497d38c59319b68")
CUT_OUT = PageFacts("#e6b414", "o22CBQAjuBeId3tyB+iIj3z6B5h3iICNlw==", "e18e9e386923678e")

Attributes = dict[str, str | None]


class Reader(HTMLParser):
    """Collects elements; text and stray markup must not turn up."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.ends: list[str] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), "no attribute stands twice"
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.ends.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data.strip()

    def all(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes in self.elements if name == tag]


def linked(*formats: ImageFormat, widths: tuple[int, ...] = (1600, 800, 400)) -> list[Linked]:
    """Return a variant per format and width of a picture that is half as high as it is wide."""
    return [
        Linked(
            name=f"w{width}-{each.value}",
            format=each,
            width=width,
            height=width // 2,
            url=f"/v/w{width}.{each.extension}",
            bytes=width * BYTES_PER_PX[each],
        )
        for width in widths
        for each in formats
    ]


def read(variants: list[Linked], **options: Any) -> Reader:
    reader = Reader(picture_markup(variants, **{"alt": "A mug", **options}))
    assert reader.elements[0][0] == "picture"
    assert reader.ends == ["picture"]
    assert reader.text == ""
    assert len(reader.all("img")) == 1
    return reader


def image(reader: Reader) -> Attributes:
    return reader.all("img")[0]


def candidates(attributes: Attributes) -> list[tuple[str, int]]:
    """Return URL and width of each candidate of a srcset."""
    pairs = [each.split(" ") for each in (attributes["srcset"] or "").split(", ")]
    return [(url, int(width.removesuffix("w"))) for url, width in pairs]


def types(reader: Reader) -> list[str | None]:
    return [each.get("type") for each in reader.all("source")]


def test_the_best_format_comes_first_whatever_the_order_of_variants() -> None:
    variants = linked(JPEG, AVIF, WEBP)
    for seed in range(5):
        Random(seed).shuffle(variants)
        reader = read(variants)
        assert types(reader) == ["image/avif", "image/webp"]
        assert image(reader)["src"] == "/v/w1600.jpg"


def test_widths_fall_and_none_comes_twice() -> None:
    variants = linked(AVIF, WEBP, JPEG, widths=(200, 1600, 800, 800, 400))
    reader = read(variants)
    for each in (*reader.all("source"), image(reader)):
        assert [width for _, width in candidates(each)] == [1600, 800, 400, 200]


def test_each_candidate_has_its_own_url() -> None:
    avif = read(linked(AVIF, JPEG)).all("source")[0]
    assert candidates(avif) == [
        ("/v/w1600.avif", 1600),
        ("/v/w800.avif", 800),
        ("/v/w400.avif", 400),
    ]


def test_the_browser_knows_the_shape_before_the_picture_has_come() -> None:
    assert (image(read(linked(WEBP, JPEG)))["width"], image(read(linked(JPEG)))["height"]) == (
        "1600",
        "800",
    )


@pytest.mark.parametrize(
    ("formats", "fallback", "sources"),
    [
        ((WEBP, JPEG), "/v/w1600.jpg", ["image/webp"]),
        ((AVIF, WEBP, PNG), "/v/w1600.png", ["image/avif", "image/webp"]),
        ((AVIF, WEBP), "/v/w1600.webp", ["image/avif"]),
        ((JPEG,), "/v/w1600.jpg", []),
        ((AVIF,), "/v/w1600.avif", []),
    ],
    ids=str,
)
def test_the_fallback_is_what_most_browsers_show(
    formats: tuple[ImageFormat, ...], fallback: str, sources: list[str]
) -> None:
    reader = read(linked(*formats))
    assert image(reader)["src"] == fallback
    assert types(reader) == sources


def test_a_format_without_the_widest_variant_does_not_keep_it_from_anybody() -> None:
    """Within a source, the browser cannot reach for another format."""
    variants = [*linked(AVIF, widths=(400,)), *linked(WEBP, JPEG)]
    assert types(read(variants)) == ["image/webp"]


def test_sizes_stand_at_every_srcset() -> None:
    sizes = "(min-width: 60em) 50vw, 100vw"
    reader = read(linked(AVIF, JPEG), sizes=sizes)
    assert [each["sizes"] for each in (*reader.all("source"), image(reader))] == [sizes, sizes]


def test_what_people_write_stays_text() -> None:
    reader = read(linked(WEBP, JPEG), alt=HOSTILE, sizes=HOSTILE)
    assert image(reader)["alt"] == HOSTILE
    assert image(reader)["sizes"] == HOSTILE
    assert [tag for tag, _ in reader.elements] == ["picture", "source", "img"]


def test_an_address_cannot_break_out_of_its_candidate() -> None:
    url = '/v/a b,c"<d>.jpg?x=1&y=2'
    reader = read([Linked("w9-jpeg", JPEG, 9, 9, url, bytes=9)])
    assert candidates(image(reader)) == [('/v/a%20b%2Cc"<d>.jpg?x=1&y=2', 9)]
    assert image(reader)["src"] == url


def test_loading_is_lazy_unless_the_picture_is_seen_at_once() -> None:
    assert image(read(linked(JPEG)))["loading"] == "lazy"
    assert image(read(linked(JPEG), lazy=False))["loading"] == "eager"
    assert image(read(linked(JPEG)))["decoding"] == "async"


def test_the_placeholder_shows_until_the_picture_does() -> None:
    style = image(read(linked(JPEG), page=OPAQUE))["style"]
    assert style is not None
    assert style.startswith("background:#7d3c13 url(data:image/png;base64,")
    assert style.endswith(") center/cover no-repeat")
    assert "style" not in image(read(linked(JPEG)))


def test_nothing_shows_through_a_cut_out_for_ever() -> None:
    assert "style" not in image(read(linked(WEBP), page=CUT_OUT))


def test_no_variant_is_no_picture() -> None:
    with pytest.raises(ValueError, match="at least one variant"):
        picture_markup([], alt="")


def test_the_markup_needs_no_pixel_code() -> None:
    code = "import sys, tasks.imaging.web.picture_markup; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def heavier(variants: list[Linked], image_format: ImageFormat) -> list[Linked]:
    """Return the same variants, those of one format ten times as large."""
    return [
        replace(each, bytes=10 * each.bytes) if each.format is image_format else each
        for each in variants
    ]


def test_a_format_whose_files_are_larger_than_the_fallback_s_is_not_offered() -> None:
    reader = read(heavier(linked(WEBP, JPEG), WEBP))

    assert reader.all("source") == []
    assert len(reader.all("img")) == 1


def test_a_cut_out_keeps_the_format_that_has_its_holes_however_large() -> None:
    reader = read(heavier(linked(WEBP, JPEG), WEBP), page=CUT_OUT)

    assert [source["type"] for source in reader.all("source")] == ["image/webp"]


def moving(*formats: ImageFormat, widths: tuple[int, ...] = (1600, 800, 400)) -> list[Linked]:
    return [
        replace(each, frames=12, bytes=each.bytes * 9) for each in linked(*formats, widths=widths)
    ]


def test_moving_files_are_offered_although_the_still_one_is_smaller() -> None:
    reader = read([*moving(AVIF, WEBP), *linked(JPEG)])
    assert types(reader)[1:] == ["image/avif", "image/webp"]
    assert image(reader)["src"] == "/v/w1600.jpg"


def test_who_asked_for_less_motion_gets_the_still_picture() -> None:
    reader = read([*moving(WEBP), *linked(JPEG)])
    calm = reader.all("source")[0]
    assert calm["media"] == "(prefers-reduced-motion: reduce)"
    assert calm["srcset"] == image(reader)["srcset"]
    assert all("media" not in each for each in read(linked(WEBP, JPEG)).all("source"))


def test_a_moving_format_is_left_out_where_the_next_moving_one_is_smaller() -> None:
    larger = [replace(each, bytes=each.bytes * 5) for each in moving(AVIF)]
    reader = read([*larger, *moving(WEBP), *linked(JPEG)])
    assert types(reader)[1:] == ["image/webp"]


def test_still_files_are_no_source_beside_moving_ones() -> None:
    reader = read([*linked(AVIF), *moving(WEBP), *linked(JPEG)])
    assert types(reader)[1:] == ["image/webp"]


def test_a_source_does_not_mix_still_and_moving_files() -> None:
    variants = [*moving(WEBP, widths=(1600, 800)), *linked(WEBP, widths=(400,)), *linked(JPEG)]
    source = read(variants).all("source")[1]
    assert [width for _, width in candidates(source)] == [1600, 800]


def test_without_a_format_that_stands_still_the_image_itself_moves() -> None:
    reader = read(moving(AVIF, WEBP))
    assert types(reader) == ["image/avif"]
    assert image(reader)["src"] == "/v/w1600.webp"
