"""The JSON Schema for editors says of a presets file what reading says."""

import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from typer.testing import CliRunner

from api.cli.commands.presets import app
from tasks.imaging.presets.catalogue import PACKAGED_FILE, load_presets
from tasks.imaging.presets.model import MAX_SIDE_PX
from tasks.imaging.presets.schema import presets_schema
from tests.architecture.support.source import ROOT
from tests.unit.imaging.presets.test_catalogue import EVERY_KEY
from tests.unit.imaging.presets.test_catalogue_mistakes import MISTAKES, REPLACED
from tests.unit.imaging.support.presets_files import SHORTEST, WIDTHS, broken, problems, written

FILE = ROOT / "docs" / "presets.schema.json"
SCHEMA = presets_schema()

# What JSON Schema cannot compare, and a number that JSON does not have.
BEYOND_A_SCHEMA = ("sharpen = nan", "formats.webp.quality = { score = 80, low = 90, high = 70 }")


def objections(text: str) -> list[str]:
    return [each.message for each in Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text))]


def test_the_file_is_what_the_command_prints() -> None:
    """To bring it up to date: `product-images presets schema > docs/presets.schema.json`."""
    printed = CliRunner().invoke(app, ["schema"])
    assert FILE.read_text(encoding="utf-8") == printed.stdout


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        PACKAGED_FILE.read_text(encoding="utf-8"),
        (ROOT / "tests" / "presets.toml").read_text(encoding="utf-8"),
        EVERY_KEY,
        SHORTEST,
    ],
    ids=["packaged", "tests", "every key", "shortest"],
)
def test_a_good_file_satisfies_the_schema(text: str) -> None:
    assert objections(text) == []


@pytest.mark.parametrize("line", [case[0] for case in MISTAKES if case[0] not in BEYOND_A_SCHEMA])
def test_a_mistake_is_refused_by_the_schema_too(line: str) -> None:
    assert objections(broken(line)) != []


@pytest.mark.parametrize(("right", "wrong"), [case[:2] for case in REPLACED])
def test_a_wrong_or_missing_value_is_refused_by_the_schema_too(right: str, wrong: str) -> None:
    assert objections(broken(wrong, instead_of=right)) != []


@pytest.mark.parametrize("side", ["1", "0800", "9999", "16383", "0", "16384", "20000", "99999"])
def test_a_size_has_the_bounds_that_reading_has(tmp_path: Path, side: str) -> None:
    for line in (f'boxes = ["{side}x", "x{side}"]', f"widths = [{int(side)}]"):
        text = broken(line, instead_of=WIDTHS)
        if 1 <= int(side) <= MAX_SIDE_PX:
            load_presets(written(tmp_path, text))
            assert objections(text) == []
        else:
            assert problems(tmp_path, text) != []
            assert objections(text) != []
