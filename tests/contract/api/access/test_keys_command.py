"""The keys as an operator handles them, and that no key ends in a log."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from infra.contract.scopes import Scope
from infra.settings.sections import inherited_environment
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tests.commands import Done, run
from tests.contract.api.support.keyed import Keyed, bearer, keyed_api
from tests.waiting import eventually

Command = Callable[..., Done]


@pytest.fixture
def keyed(stack: Stack) -> Iterator[Keyed]:
    with keyed_api(stack) as serving:
        yield serving


@pytest.fixture
def command(keyed: Keyed, tmp_path: Path) -> Command:
    """Run a command against a database and an API of its own."""
    variables = {"DATABASE_URL": keyed.configured.database.url, "API_URL": keyed.api.url}
    return lambda *arguments, **more: run(tmp_path, *arguments, **{**variables, **more})


def test_a_key_is_made_used_listed_revoked_and_forgotten(command: Command) -> None:
    made = command("keys", "create", "--name", "the shop", "--scope", "write", "--expires", "90d")
    key = made.out.strip()
    assert made.status == 0
    assert key.startswith("pi_")
    assert key not in made.err  # a terminal's scroll-back has it once

    (listed,) = command("keys", "list", "--json").document["keys"]
    assert (listed["name"], listed["scope"], listed["state"]) == ("the shop", "write", "active")
    assert key not in str(listed)
    assert listed["id"] in key
    assert command("keys", "list").out.splitlines()[0].split()[:3] == ["id", "state", "scope"]

    assert command("jobs", API_KEY=key).status == 0

    refused = command("keys", "forget", listed["id"])
    assert (refused.status, "(key_not_revoked)" in refused.err) == (1, True)
    assert command("keys", "revoke", listed["id"], "--json").document["state"] == "revoked"
    assert command("keys", "forget", listed["id"]).status == 0
    assert command("keys", "list", "--json").document == {"keys": []}


def test_without_the_right_key_a_command_says_what_is_missing(
    keyed: Keyed, command: Command
) -> None:
    keyed.issue(Scope.READ)
    eventually(lambda: keyed.api.call("GET", "/jobs").status_code == 401, "a key is needed")

    done = command("jobs")

    assert (done.status, done.out) == (1, "")
    assert "(unauthorized)" in done.err


def test_what_cannot_be_is_refused_with_a_sentence(command: Command) -> None:
    for arguments, word in (
        (("create", "--name", "x", "--expires", "soon"), "90d"),
        (("create", "--name", " "), "(invalid_request)"),
        (("create", "--name", "x", "--scope", "root"), "admin"),
        (("revoke", "nobody"), "(not_found)"),
        (("forget", "nobody"), "(not_found)"),
    ):
        done = command("keys", *arguments)
        assert done.status != 0
        assert word in done.err, arguments
        assert "Traceback" not in done.err
    assert command("keys", "list", "--json").document == {"keys": []}


def test_the_log_says_who_may_call_and_never_shows_a_key(
    keyed: Keyed, stack: Stack, tmp_path: Path
) -> None:
    key, port = keyed.issue(Scope.READ).text, free_port()
    log = tmp_path / "log"
    variables = stack.description.environment() | {
        "DATABASE_URL": keyed.configured.database.url,
        "API_PORT": str(port),
    }
    with log.open("w") as target:
        server = subprocess.Popen(
            (sys.executable, "-m", "api.server"),
            env={**inherited_environment(), **variables},
            cwd=tmp_path,
            stdout=target,
            stderr=target,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: "API keys are required" in log.read_text(), "it says so")
        for path in (f"/jobs?key={key}", f"/nowhere?key={key}", f"/jobs/{key}"):
            eventually(lambda path=path: _answers(address + path, key), "the server answers")
    finally:
        server.terminate()
        server.wait(30)
    assert "host" in log.read_text()
    assert key not in log.read_text()
    assert key[20:] not in log.read_text()


def _answers(url: str, key: str) -> bool:
    try:
        return requests.get(url, headers=bearer(key), timeout=10).status_code in (200, 404)
    except requests.ConnectionError:
        return False


def test_the_first_key_shows_what_was_registered_while_none_was_needed(
    keyed: Keyed, command: Command
) -> None:
    url = "https://receiver.example/hooks"
    assert keyed.api.call("POST", "/webhooks", json={"url": url}).status_code == 201

    first = command("keys", "create", "--name", "first")
    assert url in first.err
    assert url not in first.out  # `$(…)` takes the key alone
    assert url not in command("keys", "create", "--name", "second").err
