"""Workers that end and start while jobs are in hand: nothing is lost, and no job tries for ever."""

import pytest

from infra.contract.states import JobState
from tests.pictures import PictureServer
from tests.support.evidence import one_run, runs_of, small
from tests.support.own_workers import Hiring
from tests.support.prefect_hands import ended
from tests.waiting import eventually
from tests.world import World

_IMPATIENT = {"WORKER_SHUTDOWN_GRACE_SECONDS": "1"}
_SECONDS = 120.0

pytestmark = pytest.mark.usefixtures("off_duty")


def test_a_worker_told_to_stop_under_load_loses_nothing_and_exits_with_success(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    urls = [small(pictures, seed) for seed in range(6200, 6209)]
    slow = {"/small/6201.jpg", "/small/6204.jpg"}
    pictures.past_the_gate = set(pictures.bodies) - slow
    pictures.gate.clear()
    jobs = [world.post(url)["job_id"] for url in urls]
    worker = hire(**_IMPATIENT, WORKER_SLOTS="3")
    eventually(lambda: slow <= set(pictures.requests), "two jobs wait for their supplier")
    eventually(lambda: len(pictures.requests) > 4, "others are being done")

    assert worker.stop() == 0
    assert "worker stopped" in worker.text
    left = [world.job(job_id) for job_id in jobs]
    assert {job["state"] for job in left} == {JobState.READY, JobState.QUEUED}
    assert [left[place]["state"] for place in (1, 4)] == [JobState.QUEUED] * 2
    pictures.gate.set()
    hire()
    done = [world.finished(job_id, seconds=_SECONDS) for job_id in jobs]

    assert [(job["state"], job["attempts"]) for job in done] == [("ready", 1)] * len(jobs)
    assert [one_run(world, done[place])["run_count"] for place in (1, 4)] == [2, 2]
    assert runs_of(world, jobs) == {job["id"]: [job["flow_run_id"]] for job in done}


@pytest.mark.thorough
def test_a_job_that_costs_a_worker_its_life_too_often_is_given_up_and_can_be_retried(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    settings = {"JOB_MAX_ATTEMPTS": "1", "JOB_LEASE_SECONDS": "2"}
    url = pictures.photo(6010)
    pictures.gate.clear()
    accepted = world.post(url)
    worker = hire(**settings)
    eventually(lambda: pictures.requests["/photo/6010.jpg"], "the picture is being fetched")
    worker.kill()
    hire(**settings)
    given_up = world.finished(accepted["job_id"])
    pictures.gate.set()

    assert (given_up["state"], given_up["attempts"]) == ("failed", 1)
    (image,) = given_up["images"]
    assert (image["error"]["code"], image["error"]["retryable"]) == ("gave_up", True)
    assert one_run(world, given_up, state="FAILED")["run_count"] == 1

    assert world.call("POST", f"/jobs/{given_up['id']}/retry").status_code == 202
    job = world.finished(given_up["id"])
    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert job["flow_run_id"] != given_up["flow_run_id"]
    assert ended(world, job["flow_run_id"])["state"]["type"] == "COMPLETED"
