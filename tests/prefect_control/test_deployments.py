"""What somebody deletes in Prefect: `/readyz` says so, and deploying restores it while all runs."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.pictures import PictureServer
from tests.support.prefect_hands import ended, quick_run
from tests.waiting import eventually
from tests.world import World

_NOTICE_SECONDS = 60.0
_DEPLOY_SECONDS = 300.0
_DONE_SECONDS = 180.0


def deploy(world: World) -> None:
    """Deploy as the stack does."""
    part = world.stack.part("deploy").part
    subprocess.run(part.command, env=part.environment, check=True, timeout=_DEPLOY_SECONDS)


def told(world: World, part: str, *, ok: bool) -> Any:
    """Return the readiness when it says this of the part."""

    def look() -> Any:
        readiness = world.call("GET", "/readyz").json()
        return readiness if readiness["dependencies"][part]["ok"] is ok else None

    what = f"{part} {'is' if ok else 'is not'} as it must be"
    return eventually(look, what, seconds=_NOTICE_SECONDS)


def of_deployment(world: World, name: str) -> str:
    found = world.prefect("GET", f"/deployments/name/{name}/{name}")
    return f"/deployments/{found['id']}"


@contextmanager
def deleted(world: World, path: str) -> Iterator[None]:
    """Delete something in Prefect; at the end it is there again, however the block ends."""
    world.prefect("DELETE", path)
    try:
        yield
    finally:
        deploy(world)


def test_a_deleted_deployment_is_named_and_restored_while_the_workers_run(
    world: World, pictures: PictureServer
) -> None:
    name, seed = "process-product", 5800
    with deleted(world, of_deployment(world, name)):
        readiness = told(world, "deployments", ok=False)
        job_id = world.post(pictures.photo(seed))["job_id"]
    told(world, "deployments", ok=True)
    job = world.finished(job_id, seconds=_DONE_SECONDS)
    later = world.finished(world.post(pictures.photo(seed + 1))["job_id"], seconds=_DONE_SECONDS)

    said = readiness["dependencies"]["deployments"]["detail"]
    assert f": {name}. Run `python -m flows.deploy`" in said
    assert readiness["status"] == "degraded"
    assert [(each["state"], each["attempts"]) for each in (job, later)] == [("ready", 1)] * 2


@pytest.mark.thorough
def test_a_deleted_work_pool_is_told_and_restored_while_the_workers_run(
    world: World, pictures: PictureServer
) -> None:
    with deleted(world, "/work_pools/product-images"):
        readiness = told(world, "deployments", ok=False)
        job_id = world.post(pictures.photo(5890))["job_id"]
    told(world, "deployments", ok=True)
    job = world.finished(job_id, seconds=_DONE_SECONDS)
    run = quick_run(world, image_urls=[pictures.photo(5891)])
    polled = ended(world, run["id"], seconds=_DONE_SECONDS)

    assert "process-product, process-chunk" in readiness["dependencies"]["deployments"]["detail"]
    assert (job["state"], polled["state"]["type"]) == ("ready", "COMPLETED")
