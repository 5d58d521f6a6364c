"""`product-images inspect` as people and programs have it: the real command, real pictures."""

import re
from base64 import b64decode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from tests.commands import Done, run
from tests.unit.imaging.support.pictures import encoded, huge_png, photo

GOOD = "mug & <saucer>.jpg"
WIDTH, HEIGHT = 900, 600
NAMES = [f"w{width}-{each}" for width in (900, 800, 400, 200) for each in ("avif", "jpeg")]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good picture, a text that calls itself one, and a bomb."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / GOOD).write_bytes(encoded(photo(WIDTH, HEIGHT), "JPEG", quality=95))
    (folder / "page.jpg").write_text("<html>no picture</html>")
    (folder / "bomb.png").write_bytes(huge_png(100_000, 100_000))
    return folder


@pytest.fixture(scope="module")
def shown(directory: Path) -> Done:
    """What is printed and written of the good picture and a bad one."""
    return run(directory, "inspect", GOOD, "page.jpg", "--html", "out.html")


@pytest.fixture(scope="module")
def page(directory: Path, shown: Done) -> "Page":
    return Page((directory / "out.html").read_text(encoding="utf-8"))


class Page(HTMLParser):
    """Images by their alternative text, the text, and whatever would be loaded from elsewhere."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.images: dict[str, str] = {}
        self.outside: list[str] = []
        self.text = ""
        self.outside += re.findall(r"(?:url\(|@import\s+)['\"]?(?!data:)[^)]+", document)
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        for name in ("src", "href", "srcset", "action", "data"):
            address = attributes.get(name)
            if address is not None and not address.startswith("data:"):
                self.outside.append(address)
        if tag == "img":
            self.images[attributes["alt"] or ""] = attributes["src"] or ""

    def handle_data(self, data: str) -> None:
        self.text += data


def content(uri: str) -> bytes:
    return b64decode(uri.partition(";base64,")[2], validate=True)


def test_each_variant_has_a_line_with_its_size_and_what_it_saves(shown: Done) -> None:
    lines = shown.out.splitlines()
    assert lines[0].startswith(f"{GOOD} (JPEG, {WIDTH}×{HEIGHT}, ")  # noqa: RUF001 - the sign for sizes
    assert [line.split()[0] for line in lines[2 : 2 + len(NAMES)]] == NAMES
    assert all(re.search(r"\d+×\d+ +[\d.]+ KiB +-?[\d.]+ % +\d+", line) for line in lines[2:10])  # noqa: RUF001 - the sign for sizes
    assert re.search(r"8 variants in \d+\.\d s, policy [0-9a-f]{16}", shown.out)


def test_a_refused_file_costs_the_others_nothing_but_the_exit_status(shown: Done) -> None:
    assert shown.status == 1
    assert re.fullmatch(r"page\.jpg: [A-Z].+\. \(unsupported_format\)\n", shown.err)
    assert "page.jpg" not in shown.out


def test_the_page_is_complete_in_itself(page: Page) -> None:
    assert page.outside == []


def test_the_page_carries_the_very_files_that_would_be_stored(directory: Path, page: Page) -> None:
    document = run(directory, "inspect", GOOD, "--json").document
    stored = {each["name"]: each["sha256"] for each in document["images"][0]["variants"]}
    assert list(stored) == NAMES
    carried = {name: sha256(content(page.images[name])).hexdigest() for name in NAMES}
    assert carried == stored


def test_the_page_shows_the_source_in_the_shape_of_the_variants(
    directory: Path, page: Page
) -> None:
    path = directory / "view.jpg"
    path.write_bytes(content(page.images["source"]))
    with Image.open(path) as image:
        assert image.size == (WIDTH, HEIGHT)


def test_the_page_shows_name_placeholder_and_markup_as_text(page: Page) -> None:
    assert page.text.count(GOOD) == 2, "in the title and over the picture"
    assert page.images["placeholder"].startswith("data:image/png;base64,")
    assert 'srcset="w900-jpeg.jpg 900w, ' in page.text
    assert 'alt="mug &amp; &lt;saucer&gt;"' in page.text


def test_a_large_source_does_not_make_a_large_page(tmp_path: Path) -> None:
    photo(3000, 2000).save(tmp_path / "large.bmp")
    done = run(tmp_path, "inspect", "large.bmp", "--preset", "thumbnail", "--html", "out.html")
    assert done.status == 0
    assert (tmp_path / "large.bmp").stat().st_size > 17_000_000
    assert (tmp_path / "out.html").stat().st_size < 500_000


def test_programs_get_facts_and_nothing_else(directory: Path) -> None:
    done = run(directory, "inspect", GOOD, "bomb.png", "--json")
    assert (done.status, done.err) == (1, "")
    [image], [error] = done.document["images"], done.document["errors"]
    source = image["source"]
    assert (image["file"], source["format"]) == (GOOD, "jpeg")
    assert (source["width"], source["height"], source["orientation"]) == (WIDTH, HEIGHT, 1)
    assert re.fullmatch("#[0-9a-f]{6}", image["page"]["dominant_colour"])
    assert "path" not in image["variants"][0]
    assert (error["file"], error["code"]) == ("bomb.png", "too_many_pixels")


def test_a_preset_of_one_s_own_is_used(directory: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        "version = 1\n[presets.list]\nrevision = 1\nwidths = [90]\n"
        "[presets.list.formats.jpeg]\nquality = 60\n"
    )
    done = run(directory, "inspect", GOOD, "--preset", "list", "--json", PRESETS_FILE=str(own))
    assert [each["name"] for each in done.document["images"][0]["variants"]] == ["w90-jpeg"]


def test_the_picture_is_decoded_in_a_process_that_can_be_killed(directory: Path) -> None:
    done = run(directory, "inspect", GOOD, PIXEL_TIMEOUT_SECONDS="0.001")
    assert (done.status, done.out) == (1, "")
    assert done.err.endswith("(decode_timeout)\n")


def test_nothing_is_left_on_the_disk(directory: Path, tmp_path: Path) -> None:
    run(directory, "inspect", GOOD, "page.jpg", TMPDIR=str(tmp_path))
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("product-")] == []


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("nowhere.jpg",), 2, "is not a file"),
        (("page.jpg", "--html", "nowhere/out.html"), 2, "cannot be written"),
        (("page.jpg", "--preset", "posters"), 1, "no preset named 'posters'"),
    ],
    ids=str,
)
def test_a_wrong_name_stops_the_command_before_any_work(
    directory: Path, arguments: tuple[str, ...], status: int, reason: str
) -> None:
    done = run(directory, "inspect", *arguments)
    assert (done.status, done.out) == (status, "")
    assert reason in " ".join(done.err.replace("│", " ").split())
