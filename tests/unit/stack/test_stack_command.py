"""`product-images stack`: what it says when there is little to say."""

import json
import os
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.commands.stack import app
from infra.stack.supervisor.lock import Role, held_lock
from infra.stack_description import FILE_NAME, StackDescription
from tests.architecture.support.source import ROOT
from tests.commands import run


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_DIRECTORY", str(tmp_path))


def test_status_of_nothing_says_so_with_its_own_exit_code() -> None:
    answer = CliRunner().invoke(app, ["status"])
    assert (answer.exit_code, answer.output.strip()) == (3, "No stack is running.")


def test_status_for_programs_is_json() -> None:
    answer = CliRunner().invoke(app, ["status", "--json"])
    assert json.loads(answer.output) == {"running": False, "parts": []}


def test_stopping_nothing_is_no_error() -> None:
    answer = CliRunner().invoke(app, ["down"])
    assert (answer.exit_code, answer.output.strip()) == (0, "No stack was running.")


def test_a_second_start_names_the_one_that_runs(tmp_path: Path) -> None:
    with held_lock(tmp_path, Role.SUPERVISOR):
        answer = CliRunner().invoke(app, ["up"])
    assert answer.exit_code == 0
    assert f"running already (pid {os.getpid()})" in answer.output.replace("\n", "")


@pytest.mark.parametrize("in_checkout", [True, False])
def test_the_demo_says_how_to_stop_a_stack_where_it_is_called(
    tmp_path: Path, *, in_checkout: bool
) -> None:
    places = [field.name for field in fields(StackDescription) if field.type is str]
    running = StackDescription(**dict.fromkeys(places, "there"))
    (tmp_path / FILE_NAME).write_text(running.as_json())
    with held_lock(tmp_path, Role.SUPERVISOR):
        done = run(ROOT if in_checkout else tmp_path, "demo", STACK_DIRECTORY=str(tmp_path))
    stop = "make stop" if in_checkout else "product-images stack down"
    assert done.status == 1
    assert f"serves no samples: run `{stop}` first." in " ".join(done.out.split())


def test_logs_of_a_stack_that_never_ran_are_a_sentence() -> None:
    answer = CliRunner().invoke(app, ["logs", "api"])
    assert answer.exit_code == 1
    assert "No log of api" in answer.output


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "eighty")
    answer = CliRunner().invoke(app, ["up"])
    assert answer.exit_code == 1
    assert "API_PORT" in answer.output
