"""The Retry button of a run's page in Prefect."""

from typing import Any

import pytest

from tests.pictures import PictureServer, photo
from tests.support.prefect_hands import ended, retry
from tests.waiting import eventually
from tests.world import World

PRESSED = pytest.mark.parametrize(
    "force",
    [
        pytest.param(False, id="classic_ui"),
        pytest.param(True, id="new_ui", marks=pytest.mark.thorough),
    ],
)


def shown(world: World, job_id: str) -> list[Any]:
    """Return what the job shows of its images, variants included."""
    images: list[Any] = world.job(job_id)["images"]
    return images


@PRESSED
def test_a_retried_run_makes_again_only_what_failed(
    world: World, pictures: PictureServer, *, force: bool
) -> None:
    seed = 5000 + force
    late = f"/late/{seed}.jpg"
    accepted = world.post(pictures.photo(seed), pictures.url(late), sku=f"RETRY-{force}")
    job = world.finished(accepted["job_id"])
    run = world.ended_run(job)
    assert (job["state"], run["state"]["name"]) == ("partial", "Partial")

    pictures.bodies[late] = photo(seed=seed + 50)
    retry(world, run["id"], force=force)
    again = eventually(
        lambda: (seen := world.job(job["id"]))["state"] == "ready" and seen,
        "the retried job is ready",
        seconds=60,
    )
    after = world.ended_run(again)

    assert [image["state"] for image in again["images"]] == ["ready", "ready"]
    assert again["images"][0] == job["images"][0]
    assert again["flow_run_id"] == run["id"]
    assert (after["state"]["type"], after["run_count"]) == ("COMPLETED", 2)
    assert pictures.requests[f"/photo/{seed}.jpg"] == 1
    assert pictures.requests[late] == 2


@pytest.mark.thorough
def test_a_failed_run_whose_supplier_is_back_becomes_ready(
    world: World, pictures: PictureServer
) -> None:
    accepted = world.post(pictures.url("/back.jpg"))
    job = world.finished(accepted["job_id"])
    assert (job["state"], world.ended_run(job)["state"]["type"]) == ("failed", "FAILED")

    pictures.bodies["/back.jpg"] = photo(seed=5010)
    retry(world, job["flow_run_id"])
    eventually(lambda: world.job(job["id"])["state"] == "ready", "the job is ready", seconds=60)

    run = world.ended_run(job)
    assert (run["state"]["type"], run["run_count"]) == ("COMPLETED", 2)


@PRESSED
def test_a_retry_of_a_ready_job_does_nothing(
    world: World, pictures: PictureServer, *, force: bool
) -> None:
    seed = 5020 + force
    job = world.finished(world.post(pictures.photo(seed))["job_id"])
    assert world.ended_run(job)["state"]["type"] == "COMPLETED"

    retry(world, job["flow_run_id"], force=force)
    run = eventually(
        lambda: (seen := ended(world, job["flow_run_id"]))["run_count"] == 2 and seen,
        "the retried run has ended",
        seconds=60,
    )

    assert run["state"]["type"] == "COMPLETED"
    assert run["state"]["message"] == "Nothing to do: the job is ready already."
    assert world.job(job["id"]) == job
    assert pictures.requests[f"/photo/{seed}.jpg"] == 1


@PRESSED
def test_a_retry_while_the_job_is_at_work_runs_nothing_twice(
    world: World, pictures: PictureServer, *, force: bool
) -> None:
    seed = 5030 + force
    pictures.gate.clear()
    accepted = world.post(pictures.photo(seed))
    eventually(lambda: pictures.requests[f"/photo/{seed}.jpg"], "the image is being fetched")
    run_id = world.job(accepted["job_id"])["flow_run_id"]
    retry(world, run_id, force=force)
    eventually(
        lambda: world.flow_run(run_id)["state"]["type"] != "SCHEDULED", "a poller has taken it"
    )
    pictures.gate.set()
    job = world.finished(accepted["job_id"])
    run = ended(world, run_id)

    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert run["state"]["type"] == "COMPLETED"
    assert pictures.requests[f"/photo/{seed}.jpg"] == 1
    assert shown(world, job["id"]) == job["images"]
