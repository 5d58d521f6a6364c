"""The pages that commands write: names of files and addresses are text, whatever they hold."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from api.cli.inspection import Inspection
from api.cli.views.gallery import write_gallery
from api.cli.views.inspect_page import write_page
from tasks.imaging.formats.detect import ImageFormat
from tasks.imaging.models import PageFacts, Rendition, SourceFacts, VariantFile

HOSTILE = "<script>alert('1')<!--\" onload=\"alert(2) & {{ 1 + 1 }}"
SOURCE = SourceFacts(ImageFormat.PNG, "image/png", 800, 600, 1, 204_800, "a" * 64)
PAGE = PageFacts("#7d3c13", "dBgOFQL4Z3uHlmiYZ4dnpweFdVBY", "e497d38c59319b68")


class Page(HTMLParser):
    """The tags of a page, the values of their attributes, and its text outside of scripts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str] = []
        self.pieces: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") for name, _ in attrs)
        self.tags.append(tag)
        self.values += [value or "" for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


@pytest.fixture
def variants(tmp_path: Path) -> list[VariantFile]:
    """Two variants, whose contents need not be pictures here."""
    path = tmp_path / "content"
    path.write_bytes(b"content")
    return [
        VariantFile(
            name=name,
            format=ImageFormat.WEBP,
            width=width,
            height=width,
            bytes=20_480,
            sha256="b" * 64,
            quality=78,
            path=path,
            media_type="image/webp",
            extension="webp",
        )
        for name, width in (("w800-webp", 800), ("w400-webp", 400))
    ]


def inspected(directory: Path, name: str, variants: list[VariantFile]) -> Page:
    rendition = Rendition(SOURCE, tuple(variants), "f" * 16, PAGE)
    target = directory / "page.html"
    write_page([Inspection(Path(name), rendition, 1.26, variants[0])], name, target)
    return Page(target)


def test_hostile_names_stay_text_on_the_page_of_an_inspection(
    tmp_path: Path, variants: list[VariantFile]
) -> None:
    plain = inspected(tmp_path, "mug", variants)
    named = [replace(each, name=HOSTILE) for each in variants]
    hostile = inspected(tmp_path, HOSTILE, named)
    assert hostile.tags == plain.tags
    assert hostile.pieces.count(HOSTILE) == 4, "the title, the heading and each variant's button"
    assert f"{HOSTILE}, 20.0 KiB, 90 % saved" in hostile.pieces
    assert f"{HOSTILE}, 20.0 KiB, 90 % saved" in hostile.values
    assert hostile.values.count(HOSTILE) == 3, "each variant's image, and the last once more"
    assert any(piece.endswith(f"preset {HOSTILE}") for piece in hostile.pieces)


def test_the_page_of_an_inspection_carries_its_style_and_its_script(
    tmp_path: Path, variants: list[VariantFile]
) -> None:
    page = inspected(tmp_path, "mug", variants)
    assert (page.tags.count("style"), page.tags.count("script")) == (1, 1)
    folder = Path(__file__).parents[4] / "api" / "cli" / "views" / "templates"
    for name in ("inspect.css", "inspect.js"):
        text = (folder / name).read_text(encoding="utf-8").strip()
        assert text in [piece.strip() for piece in page.pieces], name


def test_hostile_names_and_addresses_stay_text_in_the_gallery(tmp_path: Path) -> None:
    def gallery(job_id: str, name: str, url: str) -> Page:
        variant = {"name": name, "width": 9, "height": 6, "bytes": 7, "url": url}
        job = {"id": job_id, "images": [{"variants": [variant]}]}
        source = tmp_path / "source"
        source.write_bytes(b"content")
        return Page(write_gallery(job, source, tmp_path / "gallery.html"))

    page = gallery(HOSTILE, HOSTILE, HOSTILE)
    assert page.tags == gallery("1", "w9", "http://shop.example/w9").tags
    assert page.pieces.count(f"Job {HOSTILE}") == 2, "in the title and the heading"
    assert f"{HOSTILE}, 9×6" in page.pieces  # noqa: RUF001 - the sign for sizes
    assert page.values.count(HOSTILE) == 2, "what is shown and where it leads"
    assert "script" not in page.tags
