"""A worker that stands still for longer than its lease, as in a paused machine, and wakes up."""

from typing import Any

from infra.db.engine import Database
from tests.pictures import PictureServer, photo
from tests.support.evidence import (
    images,
    job_images,
    job_row,
    one_run,
    one_set_of_variants,
    small,
    variants,
)
from tests.support.faults.holding import frozen
from tests.support.own_workers import Hiring
from tests.support.pixel_work import PixelWork
from tests.support.prefect_hands import LogFrom, worker_log
from tests.waiting import eventually
from tests.world import World

_SLEEPER = "worker-1"


def written(database: Database, job: Any) -> list[Any]:
    """Return all rows that tell of the job, its pictures and their variants."""
    done = job_images(database, job["id"])
    return [
        job_row(database, job["id"]),
        done,
        images(database, job["product_id"]),
        [variants(database, row["original_sha256"]) for row in done],
    ]


def test_a_worker_that_wakes_up_after_its_lease_writes_nothing_and_goes_on(
    world: World, pictures: PictureServer, database: Database, hire: Hiring
) -> None:
    sleeper = worker_log(world)
    pictures.bodies["/big.jpg"] = photo(2000, 2000, seed=6101)
    pixels = PixelWork(world.stack.description.processes[_SLEEPER])
    job_id = world.post(pictures.url("/big.jpg"))["job_id"]
    pixels.wait()
    with frozen(world, _SLEEPER):
        successor = hire()
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


def noticed(worker: LogFrom, job_id: str) -> bool:
    """Whether the worker has let go of a job that another one owns."""
    signs = ("lease lost", "run left", "attempt ends early")
    lines = worker.text.splitlines()
    return any(job_id in line and any(sign in line for sign in signs) for line in lines)
