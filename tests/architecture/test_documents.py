"""Documents name files, modules and make targets that exist, and the glossary is sorted."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.support.source import PACKAGES, ROOT, Violation, hold

_HISTORY = "CHANGELOG.md"  # what was released stays as it was written
_OURS = (*PACKAGES, "tests", "docs", ".ci", ".github")

PATH = re.compile(rf"(?<![\w/.-])(?P<path>(?:{'|'.join(map(re.escape, _OURS))})/[\w./-]*\w/?)")
MODULE = re.compile(rf"python -m (?P<name>(?:{'|'.join(PACKAGES)}|tests)(?:\.\w+)*)")
LINK = re.compile(r"\]\((?!\w+:|#)(?P<path>[^)#\s]+)")
MAKE = re.compile(r"`make (?P<target>[a-z][a-z-]*)")
TARGET = re.compile(r"^(?P<target>[a-z-]+):.*##", re.MULTILINE)
TERM = re.compile(r"^\| (?P<term>[^|]+) \| [^|]+ \| `(?P<path>[^`|]+)` \|$", re.MULTILINE)


def dead_references(path: str, text: str) -> Iterator[Violation]:
    """Paths, modules, targets and links that lead nowhere."""
    folder, targets = (ROOT / path).parent, _targets()
    for number, line in enumerate(text.splitlines(), 1):
        named = [(ROOT / match["path"], match["path"]) for match in PATH.finditer(line)]
        named += [(folder / match["path"], match["path"]) for match in LINK.finditer(line)]
        for place, name in named:
            if not place.exists():
                yield Violation(path, number, f"{name} does not exist: name what took its place.")
        for match in MODULE.finditer(line):
            place = ROOT / match["name"].replace(".", "/")
            if not (place.is_dir() or place.with_suffix(".py").exists()):
                yield Violation(path, number, f"there is no module {match['name']}.")
        for match in MAKE.finditer(line):
            if match["target"] not in targets:
                yield Violation(path, number, f"the Makefile has no target {match['target']}.")


def _targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return {match["target"] for match in TARGET.finditer(text)}


def _documents() -> list[Path]:
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github").rglob("*.md")]
    names = ((path, str(path.relative_to(ROOT))) for path in found)
    return [path for path, name in names if name != _HISTORY]


def _terms() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return [(match["term"], match["path"]) for match in TERM.finditer(text)][1:]


def test_documents_name_what_exists() -> None:
    texts = ((str(p.relative_to(ROOT)), p.read_text(encoding="utf-8")) for p in _documents())
    hold(violation for path, text in texts for violation in dead_references(path, text))


def test_the_glossary_is_sorted_and_each_term_has_one_file() -> None:
    terms = _terms()
    words = [term.casefold() for term, _ in terms]
    assert len(words) > 50
    assert words == sorted(set(words))
    assert [path for _, path in terms if not (ROOT / path).is_file()] == []


def test_a_table_says_where_to_change_what() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("| I want to … | file |")
    table, _, _ = rest.partition("\n\n")
    rows = table.strip().splitlines()[1:]
    assert len(rows) >= 25
    assert all("`" in row for row in rows)


def test_make_test_runs_all_tests_or_those_that_are_named() -> None:
    expected = {
        (): "-m tests",
        ("T=tests/unit",): "-m tests some tests/unit",
        ("K=name or other",): '-m tests some -k "name or other"',
        ("T=tests/e2e", "K=name"): 'tests some tests/e2e -k "name"',
    }
    for variables, command in expected.items():
        done = subprocess.run(
            ["make", "-n", "--old-file=.venv/.installed", "test", *variables],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]},  # not the variables of a make around this test
            capture_output=True,
            text=True,
            check=True,
        )
        assert " ".join(done.stdout.split()).endswith(command), done.stdout


def test_a_dead_reference_is_found() -> None:
    for line in (
        "see `tasks/nothing.py`",
        "in tasks/imaging/nowhere/",
        "[this](nowhere.md)",
        "[that](../nowhere.md#part)",
        "`python -m infra.nothing`",
        "run `make nothing` first",
    ):
        assert len(list(dead_references("docs/api.md", f"fine\n{line}"))) == 1, line


def test_a_living_reference_passes() -> None:
    for line in (
        "`infra/migrations/versions/` and `tests/architecture/`",
        "[how](architecture.md#where-things-are), [read](../README.md)",
        "`make test T=tests/unit K=name`, make sure, `make demo`",
        "[Prefect](https://docs.prefect.io/x.md), `python -m tests.audit`, `api/`",
        "https://example.com/tests/x.py, /app/infra/nothing",
    ):
        assert list(dead_references("docs/api.md", line)) == [], line
