"""Worker and pixel processes that are killed: the job is done, once, in the same run."""

import os
import signal
from hashlib import sha256

from infra.db.engine import Database
from tests.pictures import PictureServer, photo
from tests.support.evidence import (
    VARIANTS,
    job_images,
    job_row,
    one_run,
    one_set_of_variants,
    variants,
)
from tests.support.pixel_work import PixelWork
from tests.world import World


def test_a_worker_killed_while_it_compresses_costs_an_attempt_and_leaves_nothing_twice(
    world: World, pictures: PictureServer, database: Database
) -> None:
    bodies = [photo(2000, 2000, seed=seed) for seed in (6001, 6002)]
    pictures.bodies |= {f"/big/{number}.jpg": body for number, body in enumerate(bodies)}
    pixels = PixelWork(world.stack.description.processes["worker-1"])
    accepted = world.post(*(pictures.url(path) for path in pictures.bodies))
    pixels.wait()

    world.stack.part("worker-1").kill()
    job = world.finished(accepted["job_id"], seconds=120)

    assert (job["state"], job["attempts"]) == ("ready", 2)
    assert one_run(world, job)["run_count"] == 2
    assert job_row(database, job["id"])["fencing_token"] == 2
    rows = job_images(database, job["id"])
    assert [(row["state"], row["outcome"]) for row in rows] == [("ready", "created")] * 2
    for body in bodies:
        digest = sha256(body).hexdigest()
        assert len(variants(database, digest)) == VARIANTS
        one_set_of_variants(world, database, digest)


def test_a_killed_pixel_process_costs_its_picture_one_retry(
    world: World, pictures: PictureServer
) -> None:
    pictures.bodies["/big.jpg"] = photo(3000, 3000, seed=2100)
    pixels = PixelWork(world.stack.description.processes["worker-1"])
    accepted = world.post(pictures.url("/big.jpg"), pictures.photo(2101))

    os.kill(pixels.wait().pid, signal.SIGKILL)
    job = world.finished(accepted["job_id"], seconds=120)

    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert all(len(image["variants"]) == VARIANTS for image in job["images"])
