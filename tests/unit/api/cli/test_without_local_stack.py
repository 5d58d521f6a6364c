"""The command line as the production image has it: without the package of the local stack."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from api.cli.registry import COMMANDS
from infra.stack.ports import free_port
from infra.stack_description import StackDescription
from tests.architecture.support.source import PACKAGES, ROOT
from tests.commands import Done, run

SENTENCE = (
    "product-images: This installation leaves out the local stack: pip install "
    "'product-images[local]', or use a checkout of the project.\n"
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the packages as .dockerignore leaves them, in front of this checkout."""
    folder = tmp_path_factory.mktemp("installed")
    for package in PACKAGES:
        (folder / package).mkdir()
        for path in (ROOT / package).iterdir():
            if path != ROOT / "infra" / "stack":
                (folder / package / path.name).symlink_to(path)
    there = "from importlib.util import find_spec; assert find_spec('infra.stack') is None"
    subprocess.run(  # else `demo` below would start one
        [sys.executable, "-P", "-c", there], env={"PYTHONPATH": str(folder)}, check=True
    )
    return str(folder)


def ran(directory: Path, installed: str, *arguments: str, **environment: str) -> Done:
    return run(directory, *arguments, PYTHONPATH=installed, COLUMNS="200", **environment)


def test_every_command_is_listed(tmp_path: Path, installed: str) -> None:
    done = ran(tmp_path, installed, "--help")
    assert (done.status, done.err) == (0, "")
    assert [name for name in COMMANDS if f" {name} " not in done.out] == []
    assert done.out.count("leaves out the local stack") == 2  # demo and stack


@pytest.mark.parametrize("command", [("demo",), ("stack", "up", "--detach")], ids=" ".join)
def test_a_command_that_needs_the_stack_says_what_to_install(
    command: tuple[str, ...], tmp_path: Path, installed: str
) -> None:
    assert ran(tmp_path, installed, *command) == Done(1, "", SENTENCE)


def test_a_command_of_the_api_works(tmp_path: Path, installed: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    done = ran(tmp_path, installed, "jobs", API_URL=nobody)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"product-images: The API at {nobody} does not answer.")


def test_a_command_that_needs_the_database_names_its_variable(
    tmp_path: Path, installed: str
) -> None:
    done = ran(tmp_path, installed, "verify")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("product-images: DATABASE_URL is not set")


def test_a_running_stack_is_found_by_its_description(tmp_path: Path, installed: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    places = [field.name for field in fields(StackDescription) if field.type is str]
    running = StackDescription(**dict.fromkeys(places, nobody))
    (tmp_path / "stack.json").write_text(running.as_json())
    done = ran(tmp_path, installed, "jobs", STACK_DIRECTORY=str(tmp_path))
    assert nobody in done.err
