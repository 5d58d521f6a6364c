"""The JSON Schema for editors says of a presets file what reading says."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tasks.imaging.presets import parse
from tasks.imaging.presets.catalogue import PACKAGED_FILE, load_presets
from tasks.imaging.presets.model import MAX_SIDE_PX
from tests.architecture.support.source import ROOT
from tests.unit.imaging.presets.test_catalogue import EVERY_KEY
from tests.unit.imaging.presets.test_catalogue_mistakes import MISTAKES, REPLACED
from tests.unit.imaging.support.presets_files import SHORTEST, WIDTHS, broken, problems, written

SCHEMA = json.loads((ROOT / "docs" / "presets.schema.json").read_text(encoding="utf-8"))
DEFINED = SCHEMA["definitions"]

# What JSON Schema cannot compare, and a number that JSON does not have.
BEYOND_A_SCHEMA = ("sharpen = nan", "formats.webp.quality = { score = 80, low = 90, high = 70 }")

BOUNDS = [
    (f"{place} = {{{{ {key} = {{}}{more} }}}}", DEFINED[table]["properties"][key])
    for place, table, more in (
        ("trim", "trim", ""),
        ("animation", "limits", ""),
        ("formats.webp.quality", "budget", ""),
        ("formats.avif", "avif", ", quality = 80"),
        ("formats.webp", "webp", ", quality = 80"),
        ("formats.png", "png", ""),
    )
    for key, said in DEFINED[table]["properties"].items()
    if "minimum" in said and key not in ("low", "high")
]
BOUNDS += [
    ("formats.webp.quality = {{ score = {} }}", DEFINED["score"]["properties"]["score"]),
    (
        "formats.webp.quality = {{ score = 70, tolerance = {} }}",
        DEFINED["score"]["properties"]["tolerance"],
    ),
    ("sharpen = {}", DEFINED["preset"]["properties"]["sharpen"]),
    ("formats.webp.quality = {}", DEFINED["quality"]["oneOf"][0]),
    (
        "formats.webp.quality = {{ score = 70, high = 100, low = {} }}",
        DEFINED["score"]["properties"]["low"],
    ),
    (
        "formats.webp.quality = {{ max_bytes = 9999, low = 1, high = {} }}",
        DEFINED["budget"]["properties"]["high"],
    ),
]


def objections(text: str) -> list[str]:
    return [each.message for each in Draft7Validator(SCHEMA).iter_errors(tomllib.loads(text))]


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


@pytest.mark.parametrize(("line", "bounds"), BOUNDS, ids=[line for line, _ in BOUNDS])
def test_reading_has_the_bounds_of_the_schema(
    tmp_path: Path, line: str, bounds: dict[str, Any]
) -> None:
    for bound in ("minimum", "maximum"):
        load_presets(written(tmp_path, broken(line.format(bounds[bound]))))
    for beyond in (bounds["minimum"] - 1, bounds["maximum"] + 1):
        assert problems(tmp_path, broken(line.format(beyond))) != []


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


def test_the_schema_has_the_keys_that_reading_knows() -> None:
    assert set(DEFINED["preset"]["properties"]) == set(parse._KEYS)
    assert set(DEFINED["formats"]["properties"]) == set(parse._KEYS_OF_FORMAT)
    for image_format, keys in parse._KEYS_OF_FORMAT.items():
        assert set(DEFINED[image_format]["properties"]) == set(keys)


@pytest.mark.parametrize(
    ("table", "without", "line"),
    [
        ("preset", "", "{} = {}"),
        ("trim", "trim = {{}}", "trim = {{ {} = {} }}"),
        ("limits", 'animation = "keep"', "animation = {{ {} = {} }}"),
        (
            "score",
            "formats.webp.quality.score = 70",
            "formats.webp.quality = {{ score = 70, {} = {} }}",
        ),
        (
            "budget",
            "formats.webp.quality.max_bytes = 9999",
            "formats.webp.quality = {{ max_bytes = 9999, {} = {} }}",
        ),
        ("webp", "formats.webp.quality = 80", "formats.webp = {{ quality = 80, {} = {} }}"),
    ],
)
def test_the_defaults_of_the_schema_are_those_of_reading(
    tmp_path: Path, table: str, without: str, line: str
) -> None:
    usual = load_presets(written(tmp_path, broken(without.format()))).named("plain")
    for key, said in DEFINED[table]["properties"].items():
        if "default" in said and key != "focus":  # it goes with a fit that is no default
            text = broken(line.format(key, json.dumps(said["default"])))
            assert load_presets(written(tmp_path, text)).named("plain") == usual, key
