"""What else a person can do to a run in Prefect's UI while its job is at work: the job is done."""

from typing import Any

import pytest

from tests.pictures import PictureServer
from tests.support.prefect_hands import change_state
from tests.waiting import eventually
from tests.world import World


def at_work(world: World, pictures: PictureServer, seed: int) -> Any:
    """Return a job whose picture is being fetched until the intake opens."""
    url = pictures.photo(seed)
    pictures.gate.clear()
    accepted = world.post(url)
    eventually(lambda: pictures.requests[f"/photo/{seed}.jpg"], "the picture is being fetched")
    return world.job(accepted["job_id"])


def shows_completed(world: World, flow_run_id: str) -> None:
    eventually(
        lambda: world.flow_run(flow_run_id)["state"]["type"] == "COMPLETED",
        "the run shows what became of its job",
        seconds=120,
    )


@pytest.mark.parametrize(
    ("state_type", "name"),
    [
        ("FAILED", "Failed"),
        pytest.param("CRASHED", "Crashed", marks=pytest.mark.thorough),
        pytest.param("COMPLETED", "Completed", marks=pytest.mark.thorough),
        pytest.param("PENDING", "Pending", marks=pytest.mark.thorough),
    ],
)
def test_a_run_whose_state_somebody_changed_by_hand_shows_its_job_s_end(
    world: World, pictures: PictureServer, state_type: str, name: str
) -> None:
    seed = 5600 + len(name)
    job = at_work(world, pictures, seed)

    change_state(world, job["flow_run_id"], {"type": state_type, "name": name})
    pictures.gate.set()
    done = world.finished(job["id"])

    assert (done["state"], done["attempts"]) == ("ready", 1)
    shows_completed(world, job["flow_run_id"])
    assert pictures.requests[f"/photo/{seed}.jpg"] == 1


def test_a_run_that_somebody_deletes_does_not_take_its_job_along(
    world: World, pictures: PictureServer
) -> None:
    job = at_work(world, pictures, 5630)

    world.prefect("DELETE", f"/flow_runs/{job['flow_run_id']}")
    pictures.gate.set()
    done = world.finished(job["id"])

    assert (done["state"], done["attempts"]) == ("ready", 1)
    assert pictures.requests["/photo/5630.jpg"] == 1
