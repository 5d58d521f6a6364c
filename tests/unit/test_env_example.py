"""`.env.example` is the list of variables: complete, explained, and true about the defaults."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.settings import operations
from infra.settings import sections as settings
from infra.settings.sections import Section

FILE = Path(__file__).resolve().parents[2] / ".env.example"
VARIABLE = re.compile(r"#(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")


NEEDED_WITHOUT_A_ROLE = {"S3_ACCESS_KEY", "S3_SECRET_KEY"}


@dataclass(frozen=True, slots=True)
class Example:
    """One variable of the file: its value, and the comment lines above it."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a section."""

    section: type[Section]
    name: str
    variable: str
    is_required: bool
    default: Any


def sections() -> list[type[Section]]:
    modules = {settings.__name__, operations.__name__}
    return [section for section in Section.__subclasses__() if section.__module__ in modules]


def fields() -> list[Field]:
    return [
        Field(
            section=section,
            name=name,
            variable=(str(section.model_config.get("env_prefix", "")) + name).upper(),
            is_required=info.is_required(),
            default=info.get_default(call_default_factory=True, validated_data={}),
        )
        for section in sections()
        for name, info in section.model_fields.items()
    ]


def without_default() -> set[str]:
    """Variables that some process cannot start without."""
    return {field.variable for field in fields() if field.is_required}


def examples() -> list[Example]:
    found, comment = [], list[str]()
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if match := VARIABLE.fullmatch(line):
            found.append(Example(match["name"], match["value"], " ".join(comment)))
        comment = [*comment, line.removeprefix("# ")] if line.startswith("# ") else []
    return found


@pytest.fixture
def uncommented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file with every variable switched on, in an environment that sets none."""
    for field in fields():
        monkeypatch.delenv(field.variable, raising=False)
    copy = tmp_path / ".env"
    copy.write_text("".join(f"{example.name}={example.value}\n" for example in examples()))
    return str(copy)


def test_the_file_lists_each_variable_once() -> None:
    names = [example.name for example in examples()]
    assert sorted(names) == sorted({field.variable for field in fields()})


def test_every_variable_is_explained_in_a_sentence() -> None:
    unexplained = [e.name for e in examples() if not re.fullmatch(r"\S+ .+\.", e.meaning)]
    assert unexplained == []


def test_every_line_is_a_heading_a_comment_a_variable_or_empty() -> None:
    known = re.compile(rf"(## .+|# .+|{VARIABLE.pattern}|)")
    lines = FILE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not known.fullmatch(line)] == []


def test_the_values_shown_are_the_defaults(uncommented: str) -> None:
    loaded = {section: section.load(uncommented) for section in sections()}
    for field in fields():
        if field.variable not in without_default() | NEEDED_WITHOUT_A_ROLE:
            assert getattr(loaded[field.section], field.name) == field.default, field.variable


def test_the_values_shown_for_what_has_no_default_are_accepted(uncommented: str) -> None:
    for field in fields():
        if field.variable in without_default():
            assert getattr(field.section.load(uncommented), field.name), field.variable


def test_a_variable_says_no_default_exactly_when_it_has_none() -> None:
    assert {e.name for e in examples() if "No default." in e.meaning} == without_default()
