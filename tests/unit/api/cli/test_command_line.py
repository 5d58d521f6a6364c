"""The command line with nothing to talk to: sentences, exit statuses, completion."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.cli.registry import COMMANDS
from infra.stack.ports import free_port
from tests.commands import Done, run

JOB = "019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e"
URL = "https://supplier.example/a.jpg"


def says_one_sentence(done: Done, *parts: str) -> bool:
    """Whether a command failed with one line for people and nothing for programs."""
    lines = done.err.splitlines()
    return (
        (done.status, done.out, len(lines)) == (1, "", 1)
        and lines[0].startswith("product-images: ")
        and all(part in lines[0] for part in parts)
    )


@pytest.mark.parametrize(
    "command",
    [
        ("jobs",),
        ("jobs", JOB, "--json"),
        ("jobs", "watch", JOB),
        ("jobs", "retry", JOB, "--image", JOB),
        ("process", URL, "--json"),
        ("retry", JOB, JOB[:-1] + "f", "--wait"),
        ("cancel", JOB, "--json"),
    ],
    ids=" ".join,
)
def test_without_an_api_a_command_says_so_once(command: tuple[str, ...], tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    assert says_one_sentence(run(tmp_path, *command, API_URL=nobody), nobody, "API_URL")


@pytest.mark.parametrize("command", ["jobs", "jobs watch", "jobs retry", "retry", "cancel"])
def test_what_cannot_be_a_job_id_is_refused_with_an_example(command: str, tmp_path: Path) -> None:
    done = run(tmp_path, *command.split(), "jobs/1")
    assert (done.status, done.out) == (2, "")
    assert "'jobs/1' is not a job id" in done.err


@pytest.mark.parametrize(
    ("ids", "image", "sentence"),
    [((JOB,), "7", "is not an id"), ((JOB, JOB[:-1] + "f"), JOB, "belongs to one job")],
)
def test_one_image_is_retried_of_one_job(
    ids: tuple[str, ...], image: str, sentence: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "jobs", "retry", *ids, "--image", image)
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err


def test_the_version_is_that_of_the_project(tmp_path: Path) -> None:
    pyproject = Path(__file__).resolve().parents[4] / "pyproject.toml"
    version = re.search(r'^version = "(.+)"$', pyproject.read_text(), re.MULTILINE)
    assert version is not None
    assert run(tmp_path, "--version") == Done(0, f"product-images {version[1]}\n", "")


@pytest.mark.parametrize(
    "command", [("doctor",), ("backup", "copy"), ("restore", "copy", "--json")], ids=" ".join
)
def test_without_a_system_an_operator_is_told_what_to_set(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    assert says_one_sentence(
        run(tmp_path, *command), "DATABASE_URL is not set", "product-images stack up"
    )


@pytest.mark.parametrize("command", [("list",), ("purge", "--all", "--yes", "--json")])
def test_without_a_broker_s_address_dead_says_what_to_set(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(tmp_path, "dead", *command)
    assert says_one_sentence(done, "AMQP_URL is not set", "product-images stack up")


@pytest.mark.parametrize("command", [("list", "--json"), ("show", "0123"), ("replay", "--all")])
def test_without_a_broker_dead_says_that_it_is_away(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    nobody = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    done = run(tmp_path, "dead", *command, AMQP_URL=nobody)
    assert says_one_sentence(done, "RabbitMQ does not answer")


def test_an_address_that_is_none_is_refused_by_its_variable(tmp_path: Path) -> None:
    done = run(tmp_path, "dead", "list", AMQP_URL="http://broker")
    assert says_one_sentence(done, "AMQP_URL is wrong: must look like amqp://")


@pytest.mark.parametrize("ids", [(), ("0123456789ab", "--all")], ids=["neither", "both"])
@pytest.mark.parametrize("verb", ["replay", "purge"])
def test_letters_are_named_or_all_are_meant(
    verb: str, ids: tuple[str, ...], tmp_path: Path
) -> None:
    done = run(tmp_path, "dead", verb, *ids, AMQP_URL="amqp://unused")
    assert (done.status, done.out) == (2, "")
    assert "or say --all" in done.err


def test_the_status_of_no_stack_is_a_document_and_an_exit_status(tmp_path: Path) -> None:
    done = run(tmp_path, "stack", "status", "--json", FORCE_COLOR="1")
    assert (done.status, done.err) == (3, "")
    assert done.document == {"running": False, "parts": []}


def completed(directory: Path, *words: str, **environment: str) -> Done:
    """Ask for candidates as bash does."""
    line = " ".join(("product-images", *words))
    return run(
        directory,
        _PRODUCT_IMAGES_COMPLETE="complete_bash",
        COMP_WORDS=line,
        COMP_CWORD=str(len(words)),
        **environment,
    )


def test_the_shell_is_offered_states(tmp_path: Path) -> None:
    done = completed(tmp_path, "jobs", "--state", "r")
    assert done.out.split() == ["running", "ready"]


@pytest.mark.parametrize("words", [("retry", ""), ("jobs", ""), ("dead", "show", "")])
def test_completion_is_silent_when_nobody_answers(words: tuple[str, ...], tmp_path: Path) -> None:
    port = free_port()
    away = {"API_URL": f"http://127.0.0.1:{port}", "AMQP_URL": f"amqp://127.0.0.1:{port}"}
    done = completed(tmp_path, *words, **away)
    assert (done.status, done.out.strip(), done.err) == (0, "", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script_for_every_usual_shell(shell: str, tmp_path: Path) -> None:
    detection_off = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = run(tmp_path, "--show-completion", shell, **detection_off)
    assert done.status == 0
    assert f"_PRODUCT_IMAGES_COMPLETE=complete_{shell}" in done.out


def test_every_command_is_listed_and_explains_itself() -> None:
    listed = CliRunner().invoke(app, ["--help"])
    assert listed.exit_code == 0
    names = re.findall(r"^│ ([a-z-]+)  +\w", listed.output, re.MULTILINE)
    assert names == list(COMMANDS)
    for name in names:
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0, name


def test_a_misspelled_command_is_guessed(tmp_path: Path) -> None:
    done = run(tmp_path, "job")
    assert (done.status, done.out) == (2, "")
    assert "Did you mean 'jobs'?" in done.err
