"""Every mistake in a file of presets is named by file, line and key, with what would be right."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.imaging.presets.catalogue import PresetsInvalid, load_presets
from tests.unit.imaging.support.presets_files import SHORTEST, WIDTHS, broken, problems

ANIMATIONS = '"first-frame", "keep" or a table like { max_frames = 300, max_seconds = 30 }'
MISTAKES = [
    ("sharpen = 2", 7, "sharpen", "must not be 2: write a number from 0 to 1."),
    ("sharpen = nan", 7, "sharpen", "must not be NaN: write a number from 0 to 1."),
    ('sharpen = "a"', 7, "sharpen", 'must not be "a": write a number from 0 to 1.'),
    ("keep_copyright = 1", 7, "keep_copyright", "must not be 1: write true or false."),
    (
        'fit = "crop"',
        7,
        "fit",
        'must not be "crop": write "inside" or "cover" or "pad" or "stretch".',
    ),
    ('fit = "pad"', 5, "widths", 'are open to one side; fit = "pad" needs boxes like "800x600".'),
    (
        'background = "white"',
        7,
        "background",
        'must not be "white": write a colour like "#ffffff".',
    ),
    ("focus = [0, 0]", 7, "focus", 'has no effect here: it goes with fit = "cover".'),
    (
        "trim.tolerance = 129",
        7,
        "trim.tolerance",
        "must not be 129: write a whole number from 0 to 128.",
    ),
    ("trim = { size = 1 }", 7, "trim.size", "is not known; known here are tolerance, margin."),
    (
        "trim = true",
        7,
        "trim",
        "must not be true: write a table like { tolerance = 12, margin = 0.05 }.",
    ),
    (
        'animation = "all"',
        7,
        "animation",
        f'must not be "all": write {ANIMATIONS}.',
    ),
    (
        "animation = { max_frames = 1 }",
        7,
        "animation.max_frames",
        "must not be 1: write a whole number from 2 to 1000000000.",
    ),
    (
        "animation = { max_megapixels = 0 }",
        7,
        "animation.max_megapixels",
        "must not be 0: write a number from 0.1 to 1000000000.",
    ),
    (
        "animation = { frames = 9 }",
        7,
        "animation.frames",
        "is not known; known here are max_frames, max_seconds, max_megapixels.",
    ),
    ("boxes = ['9x9']", 5, "widths", "and boxes exclude each other: write one of them."),
    (
        "formats.gif.quality = 1",
        7,
        "formats.gif",
        "is not known; known here are avif, webp, jpeg, png.",
    ),
    (
        "formats.webp.effort = 7\nformats.webp.quality = 1",
        7,
        "formats.webp.effort",
        "must not be 7: write a whole number from 0 to 6.",
    ),
    (
        "formats.jpeg.effort = 1",
        7,
        "formats.jpeg.effort",
        "is not known; known here are quality, chroma.",
    ),
    ("formats.png.quality = 1", 7, "formats.png.quality", "is not known; known here are effort."),
    (
        "formats.webp.effort = 1",
        7,
        "formats.webp.quality",
        "is missing: write a whole number from 1 to 100.",
    ),
    (
        "formats.webp.quality = { max_bytes = 9 }",
        7,
        "formats.webp.quality.max_bytes",
        "must not be 9: write a whole number from 1000 to 1000000000.",
    ),
    (
        "formats.webp.quality = { score = 80, low = 90, high = 70 }",
        7,
        "formats.webp.quality.low",
        "is above high: write a whole number from 1 to 70.",
    ),
    (
        "formats.webp.quality = { low = 90 }",
        7,
        "formats.webp.quality.score",
        "is missing: write a number from 30 to 95.",
    ),
]


@pytest.mark.parametrize(("line", "number", "key", "said"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_with_what_is_right(
    tmp_path: Path, line: str, number: int, key: str, said: str
) -> None:
    assert problems(tmp_path, broken(line)) == [f"line {number}: presets.plain.{key} {said}"]


REPLACED = [
    (
        "revision = 1",
        "revision = 0",
        4,
        "presets.plain.revision",
        "must not be 0: write a whole number from 1 to 1000000000.",
    ),
    (
        "revision = 1",
        "revision = true",
        4,
        "presets.plain.revision",
        "must not be true: write a whole number from 1 to 1000000000.",
    ),
    (
        "revision = 1",
        "",
        3,
        "presets.plain.revision",
        "is missing: write a whole number from 1 to 1000000000.",
    ),
    (
        "version = 1\n",
        "version = 2\n",
        2,
        "version",
        "must not be 2: write 1, the form that is known here.",
    ),
    ("[100, 900]", "[100, 100]", 5, "presets.plain.widths", "has the same size twice."),
    (
        "[100, 900]",
        "[100, 0]",
        5,
        "presets.plain.widths",
        "must not be [100, 0]: write a list like [1600, 800], sides from 1 to 16383.",
    ),
    (
        "[100, 900]",
        "[]",
        5,
        "presets.plain.widths",
        "must not be []: write a list like [1600, 800], sides from 1 to 16383.",
    ),
    (
        WIDTHS,
        'boxes = ["x"]',
        5,
        "presets.plain.boxes",
        'must not be ["x"]: write a list like ["2000x2000"], sides from 1 to 16383.',
    ),
    (
        WIDTHS,
        'boxes = ["9x99999"]',
        5,
        "presets.plain.boxes",
        'must not be ["9x99999"]: write a list like ["2000x2000"], sides from 1 to 16383.',
    ),
    (
        "widths",
        "width",
        3,
        "presets.plain.widths",
        "is missing: write a list like [1600, 800], sides from 1 to 16383.",
    ),
    (
        "formats.jpeg.quality = 80",
        "",
        3,
        "presets.plain.formats",
        "is missing: write a table per format, like [presets.web.formats.webp].",
    ),
    (
        "formats.jpeg.quality = 80",
        "formats = {}",
        6,
        "presets.plain.formats",
        "is empty: name one of avif, webp, jpeg, png.",
    ),
    ("plain", "Plain", 3, "presets.Plain", "is not a name: use up to 60 of a-z, 0-9 and '-'."),
]


@dataclass(frozen=True, slots=True)
class Wrong:
    """What stands in the file instead of what is right, and what is said about it."""

    right: str
    wrong: str
    line: int
    key: str
    said: str


@pytest.mark.parametrize("case", [Wrong(*case) for case in REPLACED], ids=lambda case: case.wrong)
def test_a_wrong_or_missing_value_is_named(tmp_path: Path, case: Wrong) -> None:
    said = problems(tmp_path, broken(case.wrong, instead_of=case.right))
    assert f"line {case.line}: {case.key} {case.said}" in said


def test_all_mistakes_are_named_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = f"{SHORTEST}sharpen = 3\nflavour = 1\n[presets.other]\nrevision = 0\n"
    lines = [problem.partition(":")[0] for problem in problems(tmp_path, text)]
    assert lines == ["line 7", "line 8", "line 9", "line 9", "line 10"]


def test_a_file_that_is_no_toml_is_refused_with_line_and_column(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "version = 1\n[presets.web\n")
    assert "is not TOML" in problem
    assert "line 2" in problem


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PresetsInvalid, match="is not TOML"):
        load_presets(file)
