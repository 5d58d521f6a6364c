"""A job may take only so long; what it has made by then is kept, and its worker is free again."""

from typing import Any

import pytest

from tests.pictures import PictureServer
from tests.running.evidence import one_run, small
from tests.running.own_workers import Hiring
from tests.world import World

_TIME_LIMIT = {"JOB_TIMEOUT_SECONDS": "3", "FETCH_THREADS": "1"}

pytestmark = pytest.mark.usefixtures("off_duty")


def assert_timed_out(image: Any) -> None:
    assert image["state"] == "failed"
    assert (image["error"]["code"], image["error"]["retryable"]) == ("job_timeout", True)


def test_a_picture_that_hangs_until_the_job_is_over_time_lets_go_of_its_thread(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    hire(**_TIME_LIMIT)
    url = small(pictures, 6400)
    pictures.past_the_gate = {"/small/6401.jpg"}
    pictures.gate.clear()
    job = world.finished(world.post(url)["job_id"])
    after = world.finished(world.post(small(pictures, 6401))["job_id"])  # needs the only thread
    pictures.gate.set()

    assert (job["state"], job["attempts"]) == ("failed", 1)
    assert_timed_out(job["images"][0])
    assert one_run(world, job, state="FAILED")["run_count"] == 1
    assert after["state"] == "ready"


def test_a_picture_that_hangs_does_not_cost_the_job_s_other_pictures(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    hire(JOB_TIMEOUT_SECONDS="8")
    urls = [small(pictures, seed) for seed in (6410, 6411)]
    pictures.past_the_gate = {"/small/6410.jpg"}
    pictures.gate.clear()
    job = world.finished(world.post(*urls)["job_id"])
    pictures.gate.set()

    ready, hanging = job["images"]
    assert (job["state"], job["attempts"], ready["state"]) == ("partial", 1, "ready")
    assert_timed_out(hanging)
    run = one_run(world, job)
    assert (run["state"]["name"], run["run_count"]) == ("Partial", 1)
