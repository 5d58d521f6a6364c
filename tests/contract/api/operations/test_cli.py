"""The command line against the real API: what it asks for, says, and offers to the shell."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.commands import Done, run
from tests.contract.api.support.listening import listening
from tests.contract.api.support.running import Api
from tests.pictures import PictureServer

URL = "https://supplier.example/a.jpg"
UNKNOWN = "019b0c5e-7a1f-7c3d-9e52-4f0d6a8b1c2e"

Command = Callable[..., Done]


@pytest.fixture
def posted(api: Api) -> str:
    """A queued job of a product that no other test has; no worker takes it."""
    job_id: str = api.accepted(image_url=URL, sku=f"cli-{uuid4()}")["job_id"]
    return job_id


@pytest.fixture
def command(api: Api, tmp_path: Path) -> Command:
    """Run a command against the suite's API."""

    def start(*arguments: str, **environment: str) -> Done:
        return run(tmp_path, *arguments, **{"API_URL": api.url, **environment})

    return start


def state(api: Api, job_id: str) -> Any:
    return api.get(f"/jobs/{job_id}")["state"]


def test_a_waiting_job_is_cancelled_and_retried(api: Api, command: Command, posted: str) -> None:
    done = command("cancel", posted, "--wait")
    assert (done.status, done.out) == (0, f"Job {posted} is cancelled.\n")
    assert state(api, posted) == "cancelled"

    done = command("retry", posted)
    assert (done.status, done.out) == (0, f"Job {posted} is queued again.\n")
    assert state(api, posted) == "queued"


def test_one_image_of_a_job_is_retried(api: Api, command: Command) -> None:
    posted = api.accepted(image_urls=[URL, f"{URL}?b"], sku=f"cli-{uuid4()}")
    job_id = posted["job_id"]
    api.call("POST", f"/jobs/{job_id}/cancel")

    done = command("jobs", "retry", job_id, "--image", posted["images"][0]["id"])

    assert (done.status, done.out) == (0, f"Job {job_id} is queued again.\n")
    images = api.get(f"/jobs/{job_id}")["images"]
    assert [image["state"] for image in images] == ["queued", "failed"]


def test_a_job_is_watched_to_its_end(api: Api, command: Command, posted: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(command, "jobs", "watch", posted, "--json")
        with listening(api, f"/jobs/{posted}") as stream:
            stream.next("state")
        api.call("POST", f"/jobs/{posted}/cancel")
        done = watching.result()

    assert (done.status, done.err) == (1, "")
    assert (done.document["id"], done.document["state"]) == (posted, "cancelled")


def test_a_job_that_has_ended_is_shown_by_watching_it(
    api: Api, command: Command, posted: str
) -> None:
    api.call("POST", f"/jobs/{posted}/cancel")

    done = command("jobs", "watch", posted)

    assert done.status == 1
    assert f"Job {posted} is cancelled" in done.out


def test_an_unknown_job_is_not_watched(command: Command) -> None:
    done = command("jobs", "watch", UNKNOWN)
    assert (done.status, done.out) == (1, "")
    assert "(not_found)" in done.err


def test_for_programs_a_change_is_one_document(command: Command, posted: str) -> None:
    done = command("cancel", posted.upper(), "--json", FORCE_COLOR="1")
    assert (done.status, done.err) == (0, "")
    assert done.document["errors"] == []
    (job,) = done.document["jobs"]
    assert (job["id"], job["state"]) == (posted, "cancelled")


def test_one_refusal_does_not_keep_the_others(api: Api, command: Command, posted: str) -> None:
    done = command("cancel", UNKNOWN, posted, "--json")
    assert done.status == 1
    assert done.err.startswith(f"Job {UNKNOWN}: ")
    assert [job["id"] for job in done.document["jobs"]] == [posted]
    (error,) = done.document["errors"]
    assert (error["job_id"], error["code"]) == (UNKNOWN, "not_found")
    assert state(api, posted) == "cancelled"


def test_a_change_that_is_not_possible_says_why(api: Api, command: Command, posted: str) -> None:
    done = command("retry", posted)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"Job {posted}: ")
    assert "(job_not_final)" in done.err
    assert state(api, posted) == "queued"


def test_an_unknown_job_is_a_sentence(command: Command) -> None:
    done = command("jobs", UNKNOWN, "--json")
    assert (done.status, done.out) == (1, "")
    assert UNKNOWN in done.err
    assert "(not_found)" in done.err


def test_a_list_of_jobs_is_one_document_without_colours(command: Command, posted: str) -> None:
    done = command("jobs", "--limit", "1", "--json", FORCE_COLOR="1")
    assert done.document["jobs"][0]["id"] == posted


def test_the_head_of_a_list_is_one_line(command: Command, posted: str) -> None:
    head, row = command("jobs", "--limit", "1", COLUMNS="40").out.splitlines()
    assert head.split() == ["id", "state", "tries", "created", "took", "sku"]
    assert row.startswith(posted)


def test_an_address_that_is_not_the_api_s_is_doubted(
    command: Command, pictures: PictureServer
) -> None:
    done = command("jobs", API_URL=pictures.url(""))
    assert (done.status, done.out) == (1, "")
    assert "is that the address of the API?" in done.err


def offered(command: Command, *words: str) -> list[str]:
    """Return what bash offers behind the words."""
    return command(
        _PRODUCT_IMAGES_COMPLETE="complete_bash",
        COMP_WORDS=" ".join(("product-images", *words)),
        COMP_CWORD=str(len(words)),
    ).out.split()


def test_the_shell_is_offered_the_jobs_that_a_command_can_change(
    command: Command, api: Api, posted: str
) -> None:
    ended = api.accepted(image_url=URL, sku=f"cli-{uuid4()}")["job_id"]
    assert api.call("POST", f"/jobs/{ended}/cancel").status_code == 200

    assert ended in offered(command, "retry", ended[:4])
    assert posted not in offered(command, "retry", posted[:4])
    assert posted in offered(command, "cancel", posted[:4])
    assert ended not in offered(command, "cancel", ended[:4])
    assert {posted, ended} <= set(offered(command, "jobs", ""))
    assert offered(command, "jobs", "nothing") == []
