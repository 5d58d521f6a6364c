"""The image holds the code that production runs and no more, and does not run as root."""

import re
import tomllib
from collections.abc import Iterator

from hatchling.builders.wheel import WheelBuilder

from tests.architecture.support.source import PACKAGES, ROOT

DOCKERFILE = (ROOT / "infra" / "docker" / "Dockerfile").read_text(encoding="utf-8")
COPY = re.compile(r"^COPY (?!--from)(?P<sources>.+) \S+$", re.MULTILINE)
USER = re.compile(r"^USER (?P<user>\S+)$", re.MULTILINE)
FROM = re.compile(r"^FROM (?P<image>\S+)", re.MULTILINE)
DEFAULT = re.compile(r"^ARG PYTHON_IMAGE=(?P<image>\S+)$", re.MULTILINE)


def copied() -> set[str]:
    """What the build takes from the project's folder."""
    return {source for match in COPY.finditer(DOCKERFILE) for source in match["sources"].split()}


def allowed() -> set[str]:
    """What .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines, "everything must be kept out that is not named"
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def root_users(text: str) -> Iterator[str]:
    """Final users that are root, or that only a name distinguishes from it."""
    last_stage = text[text.rindex("\nFROM ") :]
    users = [match["user"] for match in USER.finditer(last_stage)]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        yield f"runs as {users[-1:] or 'root'}"


def test_the_build_takes_what_it_may_and_all_of_that() -> None:
    assert copied() == allowed()
    assert [source for source in sorted(copied()) if not (ROOT / source).exists()] == []


def test_every_package_of_the_project_is_in_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= copied()


def test_the_image_leaves_the_local_stack_out() -> None:
    assert "infra/stack" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_the_image_does_not_run_as_root() -> None:
    assert list(root_users(DOCKERFILE)) == []


def test_an_image_that_runs_as_root_is_found() -> None:
    for user in ("", "USER root", "USER 0:0", "USER 10001:0", "USER app", "USER 10001"):
        assert list(root_users(f"FROM a AS b\nUSER 1:1\n\nFROM a\n{user}\n")) != [], user


def test_all_stages_stand_on_one_pinned_python() -> None:
    # A virtual environment only works on the interpreter that it was made with.
    assert {match["image"] for match in FROM.finditer(DOCKERFILE)} == {"${PYTHON_IMAGE}"}
    (default,) = DEFAULT.finditer(DOCKERFILE)
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", default["image"])


def test_every_builder_can_build_it() -> None:
    assert "RUN --mount" not in DOCKERFILE


def test_the_wheel_holds_every_file_of_the_packages() -> None:
    built = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    ours = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= built
    assert "api/cli/views/templates/inspect.html.j2" in built
