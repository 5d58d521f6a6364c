"""The lock files: every package pinned and hashed, from the registry, within our bounds."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.architecture.support.source import ROOT, Violation, hold

RUNTIME = "requirements.lock"
DEVELOPMENT = "requirements-dev.lock"
HEIC = "requirements-heic.lock"
LOCKS = (RUNTIME, HEIC, DEVELOPMENT, "requirements-bootstrap.lock")

# Bounds that a plain upgrade would break in silence, and what breaks.
BOUNDS = {
    "fastapi": ("<0.151", "`prefect deploy` ends in a 422"),
    "sqlalchemy": ("<2.1", "Prefect's scheduler stops"),
}

PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
FOREIGN = re.compile(r"://|^-|^\.|^/| @ |\bfile:")


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked package."""

    name: str
    version: str
    line: int


def entries(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines, with continuation lines joined, by the number of their first line."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        start = start if parts else number
        parts.append(line.rstrip("\\").strip())
        if not line.endswith("\\"):
            entry = " ".join(parts).strip()
            parts = []
            if entry and not entry.startswith("#"):
                yield start, entry


def loose_entries(path: str, text: str) -> Iterator[Violation]:
    """Entries without a pin or a hash, or from elsewhere than the registry."""
    advice = "Run `make lock` and look at what changed."
    for line, entry in entries(text):
        if FOREIGN.search(entry):
            yield Violation(path, line, f"comes from a URL, a path or an option. {advice}")
        elif PIN.match(entry) is None:
            yield Violation(path, line, f"is not pinned with ==. {advice}")
        elif HASH.search(entry) is None:
            yield Violation(path, line, f"has no sha256. {advice}")


def pins(text: str) -> dict[str, list[Pin]]:
    """The locked versions by canonical name; markers may give a package more than one."""
    found: dict[str, list[Pin]] = {}
    for line, entry in entries(text):
        if match := PIN.match(entry):
            pin = Pin(canonicalize_name(match["name"]), match["version"], line)
            found.setdefault(pin.name, []).append(pin)
    return found


def unmet(path: str, text: str, requirements: list[Requirement]) -> Iterator[Violation]:
    """Requirements that the lock does not hold or holds in a wrong version."""
    locked = pins(text)
    for requirement in requirements:
        name = canonicalize_name(requirement.name)
        if name not in locked:
            yield Violation(path, 1, f"{name} is not locked. Run `make lock`.")
        for pin in locked.get(name, []):
            if not requirement.specifier.contains(pin.version, prereleases=True):
                advice = (
                    f"{name} {pin.version} is outside {requirement.specifier}. Run `make lock`."
                )
                yield Violation(path, pin.line, advice)


def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def _requirements(*extras: str) -> list[Requirement]:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def test_every_locked_package_is_pinned_hashed_and_from_the_registry() -> None:
    hold(violation for path in LOCKS for violation in loose_entries(path, _text(path)))


def test_the_locks_hold_what_the_project_asks_for() -> None:
    hold(unmet(RUNTIME, _text(RUNTIME), _requirements()))
    hold(unmet(DEVELOPMENT, _text(DEVELOPMENT), _requirements("local", "dev")))


def test_the_bounds_that_protect_prefect_are_kept() -> None:
    bounds = [Requirement(name + bound) for name, (bound, _) in BOUNDS.items()]
    for path in (RUNTIME, DEVELOPMENT):
        hold(unmet(path, _text(path), bounds))
    asked = {requirement.name: requirement.specifier for requirement in _requirements()}
    for name, (bound, breaks) in BOUNDS.items():
        assert SpecifierSet(bound) & asked[name] == asked[name], f"{name}{bound}: else {breaks}"


def test_development_uses_the_versions_that_run() -> None:
    runtime, development = pins(_text(RUNTIME)), pins(_text(DEVELOPMENT))
    differing = [
        Violation(DEVELOPMENT, 1, f"{name} differs from {RUNTIME}. Run `make lock`.")
        for name, locked in runtime.items()
        if {p.version for p in locked} != {p.version for p in development.get(name, [])}
    ]
    hold(differing)


def test_a_loose_entry_is_found() -> None:
    digest = "--hash=sha256:" + "0" * 64
    for entry, found in {
        f"pika==1.3.2 \\\n    {digest}": 0,
        f"uvloop==0.21 ; platform_system != 'Windows' \\\n    {digest}": 0,
        "pika==1.3.2": 1,
        f"pika>=1.3.2 \\\n    {digest}": 1,
        f"pika @ https://example.com/pika.whl \\\n    {digest}": 1,
        f"./wheels/pika.whl {digest}": 1,
        "--index-url https://example.com/simple": 1,
        "-e .": 1,
    }.items():
        violations = list(loose_entries("x.lock", f"# a comment\n{entry}\n"))
        assert [violation.line for violation in violations] == [2] * found, entry


def test_a_version_outside_its_bound_and_a_missing_package_are_found() -> None:
    bounds = [Requirement("fastapi<0.151")]
    assert list(unmet("x.lock", "FastAPI==0.150.0 \\\n    --hash=sha256:00", bounds)) == []
    assert len(list(unmet("x.lock", "fastapi==0.151.0", bounds))) == 1
    assert len(list(unmet("x.lock", "starlette==1.0", bounds))) == 1
