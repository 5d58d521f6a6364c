"""A worker that stands still for longer than its lease, as in a paused machine, and wakes up."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.db.engine import Database
from tests.pictures import PictureServer, photo
from tests.running.evidence import (
    images,
    job_images,
    job_row,
    one_run,
    one_set_of_variants,
    small,
    variants,
)
from tests.running.own_workers import Hiring, OwnWorker
from tests.running.pixel_work import PixelWork
from tests.waiting import eventually
from tests.world import World

_SHORT_LEASE = {"JOB_LEASE_SECONDS": "3"}

pytestmark = pytest.mark.usefixtures("off_duty")


def fetching(world: World, pictures: PictureServer, worker: OwnWorker) -> str:
    """Post a job; return its id when the worker waits for the supplier."""
    url = pictures.photo(6100)
    pictures.gate.clear()
    accepted = world.post(url)
    eventually(lambda: pictures.requests["/photo/6100.jpg"], "the picture is being fetched")
    return str(accepted["job_id"])


def compressing(world: World, pictures: PictureServer, worker: OwnWorker) -> str:
    """Post a job; return its id when the worker's pixel process is at work."""
    pictures.bodies["/big.jpg"] = photo(3000, 3000, seed=6101)
    pixels = PixelWork(worker.pid)
    accepted = world.post(pictures.url("/big.jpg"))
    pixels.wait()
    return str(accepted["job_id"])


def written(database: Database, job: Any) -> list[Any]:
    """Return all rows that tell of the job, its pictures and their variants."""
    done = job_images(database, job["id"])
    return [
        job_row(database, job["id"]),
        done,
        images(database, job["product_id"]),
        [variants(database, row["original_sha256"]) for row in done],
    ]


@pytest.mark.parametrize("busy", [fetching, compressing])
def test_a_worker_that_wakes_up_after_its_lease_writes_nothing_and_goes_on(
    busy: Callable[[World, PictureServer, OwnWorker], str],
    world: World,
    pictures: PictureServer,
    database: Database,
    hire: Hiring,
) -> None:
    sleeper = hire(**_SHORT_LEASE)
    job_id = busy(world, pictures, sleeper)
    with sleeper.frozen():
        pictures.gate.set()
        successor = hire(**_SHORT_LEASE)
        job = world.finished(job_id, seconds=60)
        before = written(database, job)
        one_run(world, job)
        successor.stop()
    assert (job["state"], job["attempts"]) == ("ready", 2)
    assert job_row(database, job_id)["fencing_token"] == 2

    eventually(lambda: noticed(sleeper, job_id), "it has noticed that the job is not its own")
    after = world.finished(world.post(small(pictures, 6110))["job_id"])

    assert after["state"] == "ready"
    assert written(database, job) == before
    assert one_run(world, job)["run_count"] == 2
    for row in job_images(database, job_id):
        one_set_of_variants(world, database, row["original_sha256"])


def noticed(worker: OwnWorker, job_id: str) -> bool:
    """Whether the worker has let go of a job that another one owns."""
    signs = ("lease lost", "run left", "attempt ends early")
    lines = worker.text.splitlines()
    return any(job_id in line and any(sign in line for sign in signs) for line in lines)
