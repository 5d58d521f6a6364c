"""Nothing connects at import, and what must start fast does not load Prefect.

The modules are imported in a fresh interpreter without any of our variables, in an empty folder,
where every attempt to reach a network or to start a process is an error.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.support.source import ROOT, Violation, hold, modules, within

# Importing Prefect costs seconds; these packages are imported by processes that must not pay.
LIGHT = ("api", "tasks", "infra")
LIGHT_MODULES = ("flows",)  # the package alone
HEAVY = ("prefect",)

# What asks the HTTP API alone starts before the libraries of the database, the broker, the store
# and of pictures would be loaded.
API_COMMANDS = ("process", "jobs", "job_changes", "imports", "batches", "reprocess", "hosts")
NOT_OF_THE_API = (
    *HEAVY,
    "sqlalchemy",
    "psycopg2",
    "pika",
    "minio",
    "redis",
    "PIL",
    "numpy",
    "jinja2",
)

# Modules that are no light code, and why.
NOT_LIGHT = {
    "infra.migrations.env": "Alembic runs it, with a context that only Alembic has",
}

SCRIPT = Path(__file__).parent / "support" / "load.py"
DEADLINE_SECONDS = 300  # for a machine that is busy with other tests


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a fresh interpreter reported after importing modules."""

    errors: dict[str, str]
    heavy: dict[str, str]
    threads: list[str]


def load(
    folder: Path, names: list[str], *, path: Path = ROOT, heavy: Sequence[str] = HEAVY
) -> Loaded:
    """Import the modules in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(path), ",".join(heavy), *names],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Loaded(**json.loads(done.stdout))


def problems(loaded: Loaded) -> list[Violation]:
    """What the report holds against the modules."""
    failed = [
        Violation(name, 1, f"does not import: {error}. Open resources in main(), not at import.")
        for name, error in loaded.errors.items()
    ]
    heavy = [
        Violation(name, 1, f"loads {libraries}, itself or by what it imports: it must start fast.")
        for name, libraries in loaded.heavy.items()
    ]
    threads = [
        Violation(name, 1, "a thread was started at import: start it where it is stopped.")
        for name in loaded.threads
    ]
    return [*failed, *heavy, *threads]


def test_modules_import_without_settings_network_or_prefect(tmp_path: Path) -> None:
    names = [module.name for module in modules(*LIGHT) if not within(module.name, NOT_LIGHT)]
    hold(problems(load(tmp_path, [*names, *LIGHT_MODULES])))


def test_a_command_that_asks_the_api_loads_nothing_else(tmp_path: Path) -> None:
    names = ["api.cli.main", *(f"api.cli.commands.{name}" for name in API_COMMANDS)]
    hold(problems(load(tmp_path, names, heavy=NOT_OF_THE_API)))


def test_pixel_processes_do_not_load_pydantic(tmp_path: Path) -> None:
    names = ["tasks.pixels.server", "tasks.imaging.pipeline"]
    hold(problems(load(tmp_path, names, heavy=("pydantic",))))


@pytest.mark.parametrize("name", NOT_LIGHT)
def test_a_module_that_is_not_light_exists(name: str) -> None:
    assert [module.name for module in modules(*LIGHT) if module.name == name] == [name]


def _write(folder: Path, text: str) -> Path:
    (folder / "guilty.py").write_text(text)
    return folder


def test_a_connection_at_import_is_found(tmp_path: Path) -> None:
    for text in (
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "import socket\nsocket.getaddrinfo('localhost', 80)",
        "import subprocess\nsubprocess.run(['true'])",
    ):
        loaded = load(tmp_path, ["guilty"], path=_write(tmp_path, text))
        assert "at import" in loaded.errors["guilty"], text


def test_a_setting_read_at_import_is_found(tmp_path: Path) -> None:
    loaded = load(tmp_path, ["guilty"], path=_write(tmp_path, "import os\nos.environ['API_PORT']"))
    assert "API_PORT" in loaded.errors["guilty"]


def test_a_heavy_import_is_found_and_its_importer_named(tmp_path: Path) -> None:
    (library,) = HEAVY
    (tmp_path / f"{library}.py").write_text("")
    loaded = load(tmp_path, ["json", "guilty"], path=_write(tmp_path, f"import {library}"))
    assert loaded.heavy == {"guilty": library}
    assert len(problems(loaded)) == 1


def test_a_thread_started_at_import_is_found(tmp_path: Path) -> None:
    text = "import threading\nthreading.Thread(target=input, daemon=True, name='early').start()"
    waiting = text.replace("input", "threading.Event().wait")
    assert load(tmp_path, ["guilty"], path=_write(tmp_path, waiting)).threads == ["guilty"]
