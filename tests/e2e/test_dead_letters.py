"""A person looks after dead letters and failed jobs, on the running system."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Done, run
from tests.pictures import PictureServer, photo
from tests.rabbit import dead_letters, publish_raw
from tests.waiting import eventually
from tests.world import World

Command = Callable[..., Done]


@pytest.fixture
def command(world: World, tmp_path: Path) -> Iterator[Command]:
    """Run commands that find the stack by its description; no dead letter is left behind."""
    local = tmp_path / ".local"
    local.mkdir()
    (local / "stack.json").write_text(world.stack.description.as_json())

    def start(*arguments: str, **options: str) -> Done:
        return run(tmp_path, *arguments, **options)

    start("dead", "purge", "--all", "--yes")
    yield start
    start("dead", "purge", "--all", "--yes")


def listed(command: Command) -> Any:
    done = command("dead", "list", "--json")
    assert (done.status, done.err) == (0, "")
    return done.document


def kill(world: World, *bodies: bytes) -> None:
    """Let the worker find bodies that it cannot read."""
    amqp_url = world.stack.description.amqp_url
    for body in bodies:
        publish_raw(amqp_url, body)
    eventually(lambda: dead_letters(amqp_url) == len(bodies), "the messages are dead letters")


def test_a_dead_letter_is_listed_shown_replayed_and_purged(world: World, command: Command) -> None:
    kill(world, b"\xff not a job")
    (letter,) = listed(command)["letters"]
    assert (letter["lane"], letter["reason"], letter["times"]) == ("interactive", "rejected", 1)
    assert letter["id"] in command("dead", "list").out

    shown = command("dead", "show", letter["id"])
    assert (shown.status, shown.err) == (0, "")
    assert "\\xff not a job" in shown.out
    assert command("dead", "show", letter["id"], "--json").document == letter

    replayed = command("dead", "replay", letter["id"])
    assert (replayed.status, replayed.out) == (0, "1 dead letter replayed.\n")
    eventually(lambda: listed(command)["total"], "the worker has put it aside once more")
    (again,) = listed(command)["letters"]
    assert (again["body_base64"], again["times"]) == (letter["body_base64"], 2)

    late = command("dead", "purge", letter["id"], "--yes")
    assert (late.status, late.out) == (1, "")
    assert f"There is no dead letter {letter['id']}." in late.err
    purged = command("dead", "purge", again["id"], "--yes", "--json")
    assert purged.document == {"purged": [again["id"]]}
    assert listed(command) == {"letters": [], "total": 0}


def test_a_purge_asks_first_and_no_leaves_everything(world: World, command: Command) -> None:
    kill(world, b"one", b"two")

    for answer in ("n\n", ""):
        refused = command("dead", "purge", "--all", typed=answer)
        assert (refused.status, refused.out) == (1, "")
        assert "Remove 2 dead letters for good?" in refused.err
        assert "Nothing was removed." in refused.err
        assert listed(command)["total"] == 2

    done = command("dead", "purge", "--all", typed="y\n")
    assert (done.status, done.out) == (0, "2 dead letters purged.\n")
    assert listed(command)["total"] == 0


def test_all_letters_are_replayed_once_although_they_die_again(
    world: World, command: Command
) -> None:
    kill(world, b"one", b"two", b"three")

    done = command("dead", "replay", "--all", "--json")

    assert len(done.document["replayed"]) == 3
    eventually(lambda: listed(command)["total"] == 3, "all have died again")
    letters = listed(command)["letters"]
    assert {(letter["body"], letter["times"]) for letter in letters} == {
        ("one", 2),
        ("two", 2),
        ("three", 2),
    }


def test_the_shell_is_offered_the_ids_of_dead_letters(world: World, command: Command) -> None:
    kill(world, b"one", b"two")
    ids = {letter["id"] for letter in listed(command)["letters"]}

    offered = command(
        _PRODUCT_IMAGES_COMPLETE="complete_bash",
        COMP_WORDS="product-images dead show ",
        COMP_CWORD="3",
    )

    assert set(offered.out.split()) == ids


def test_a_failed_job_is_retried_and_followed_until_it_is_ready(
    command: Command, pictures: PictureServer
) -> None:
    path = "/later/7001.jpg"
    failed = command("process", pictures.url(path), "--json")
    assert (failed.status, failed.err, failed.document["state"]) == (1, "", "failed")

    pictures.bodies[path] = photo(800, 600, seed=7001)
    retried = command("retry", failed.document["id"], "--wait", "--json")

    assert (retried.status, retried.err) == (0, "")
    (job,) = retried.document["jobs"]
    assert (job["id"], job["state"]) == (failed.document["id"], "ready")
    assert "is ready" in command("jobs", job["id"]).out
