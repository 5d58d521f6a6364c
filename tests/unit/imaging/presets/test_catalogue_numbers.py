"""True and false are no numbers in a file of presets, and no key in it does nothing."""

from pathlib import Path

import pytest

from tasks.imaging.presets.catalogue import load_presets
from tests.unit.imaging.support.presets_files import SHORTEST, WIDTHS, broken, problems, written

NUMBERS = [
    "sharpen = true",
    "trim.tolerance = true",
    "trim.margin = true",
    "animation = { max_frames = true }",
    "animation = { max_seconds = true }",
    "animation = { max_megapixels = true }",
    "formats.webp.quality = true",
    "formats.png.effort = true",
    "formats.webp.quality = { score = true }",
    "formats.webp.quality = { score = 70, tolerance = true }",
    "formats.webp.quality = { score = 70, low = true }",
    "formats.webp.quality = { score = 70, high = true }",
    "formats.webp.quality = { max_bytes = true }",
]
ALONE = "goes with webp alone: take it out here."


@pytest.mark.parametrize("line", NUMBERS)
def test_true_is_no_number(tmp_path: Path, line: str) -> None:
    (problem,) = problems(tmp_path, broken(line))
    assert problem.startswith("line 7: presets.plain.")
    assert "must not be true: write a" in problem


@pytest.mark.parametrize("value", ["true", "1.0", '"1"'])
def test_the_version_is_a_whole_number(tmp_path: Path, value: str) -> None:
    text = SHORTEST.replace("version = 1", f"version = {value}")
    assert problems(tmp_path, text) == [
        f"line 2: version must not be {value}: write 1, the form that is known here."
    ]


@pytest.mark.parametrize("value", ["[true, false]", "[0.5, true]", "[false, 1]"])
def test_a_focal_point_is_made_of_numbers(tmp_path: Path, value: str) -> None:
    text = broken(f'boxes = ["9x9"]\nfit = "cover"\nfocus = {value}', instead_of=WIDTHS)
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"line 7: presets.plain.focus must not be {value}: write two numbers")


@pytest.mark.parametrize("value", ["[true]", "[100, true]"])
def test_a_width_is_a_number(tmp_path: Path, value: str) -> None:
    (problem,) = problems(tmp_path, broken(f"widths = {value}", instead_of=WIDTHS))
    assert problem.startswith(f"line 5: presets.plain.widths must not be {value}: write a list")


@pytest.mark.parametrize("image_format", ["avif", "jpeg"])
@pytest.mark.parametrize("value", ["true", "false", "1"])
def test_a_format_that_cannot_be_without_loss_refuses_to_be_asked(
    tmp_path: Path, image_format: str, value: str
) -> None:
    line = f"formats.{image_format} = {{ quality = 70, lossless_graphics = {value} }}"
    text = broken(line, instead_of="formats.jpeg.quality = 80")
    place = f"line 6: presets.plain.formats.{image_format}.lossless_graphics"
    assert problems(tmp_path, text) == [f"{place} {ALONE}"]


def test_a_format_that_is_always_without_loss_refuses_to_be_asked(tmp_path: Path) -> None:
    text = broken("formats.png.lossless_graphics = true")
    place = "line 7: presets.plain.formats.png.lossless_graphics"
    assert problems(tmp_path, text) == [f"{place} {ALONE}"]


def test_a_preset_with_avif_needs_no_word_about_it(tmp_path: Path) -> None:
    preset = load_presets(written(tmp_path, broken("formats.avif.quality = 60"))).named("plain")
    assert [each.lossless_graphics for each in preset.encodings] == [True, True]
