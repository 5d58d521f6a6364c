"""A job may take only so long; what it has made by then is kept, and its worker is free again."""

import pytest

from tests.pictures import PictureServer
from tests.support.evidence import one_run, small
from tests.support.own_workers import Hiring
from tests.world import World

_TIME_LIMIT = {"JOB_TIMEOUT_SECONDS": "8", "FETCH_THREADS": "1"}

pytestmark = pytest.mark.usefixtures("off_duty")


def test_a_picture_that_hangs_costs_its_job_neither_the_others_nor_its_worker_the_thread(
    world: World, pictures: PictureServer, hire: Hiring
) -> None:
    hire(**_TIME_LIMIT)
    urls = [small(pictures, seed) for seed in (6410, 6411)]
    pictures.past_the_gate = {"/small/6410.jpg", "/small/6412.jpg"}
    pictures.gate.clear()
    job = world.finished(world.post(*urls)["job_id"])
    after = world.finished(world.post(small(pictures, 6412))["job_id"])  # needs the only thread
    pictures.gate.set()

    ready, hanging = job["images"]
    assert (job["state"], job["attempts"], ready["state"]) == ("partial", 1, "ready")
    assert hanging["state"] == "failed"
    assert (hanging["error"]["code"], hanging["error"]["retryable"]) == ("job_timeout", True)
    run = one_run(world, job)
    assert (run["state"]["name"], run["run_count"]) == ("Partial", 1)
    assert after["state"] == "ready"
