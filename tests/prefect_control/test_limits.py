"""Concurrency limits that a person sets in Prefect hold for jobs and for quick runs alike."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest

from tests.pictures import PictureServer
from tests.support.prefect_hands import (
    cancel,
    deployment,
    deployment_limit,
    ended,
    pool_limit,
    quick_run,
    states_of,
)
from tests.waiting import eventually
from tests.world import FINAL, FINAL_RUN, World

_SECONDS = 240.0
_TAKEN_SECONDS = 5.0  # a run that may start has started by then
_ASKS_AGAIN_SECONDS = 15.0  # a run that waits for a slot has asked again by then


def running_now(world: World) -> int:
    """Return how many runs of the deployment are Running."""
    running = {"state": {"type": {"any_": ["RUNNING"]}}}
    ours = {"id": {"any_": [deployment(world)["id"]]}}
    return len(world.flow_runs(flow_runs=running, deployments=ours))


def most_at_once(world: World, job_ids: Sequence[str], run_ids: Sequence[str]) -> int:
    """Return the largest number of Running runs seen until all jobs and runs have ended."""
    most = 0

    def look() -> bool:
        nonlocal most
        most = max(most, running_now(world))
        return all(world.job(job_id)["state"] in FINAL for job_id in job_ids) and all(
            world.flow_run(run_id)["state"]["type"] in FINAL_RUN for run_id in run_ids
        )

    eventually(look, "all jobs and runs have ended", seconds=_SECONDS, every_seconds=0.3)
    return most


def most_within(world: World, seconds: float) -> int:
    """Return the largest number of Running runs seen within that time."""
    most = 0
    end = monotonic() + seconds

    def look() -> bool:
        nonlocal most
        most = max(most, running_now(world))
        return monotonic() > end

    eventually(look, "enough time", seconds=seconds + 5, every_seconds=0.3)
    return most


def assert_one_after_another(runs: Sequence[Any]) -> None:
    times = sorted(
        (datetime.fromisoformat(run["start_time"]), datetime.fromisoformat(run["end_time"]))
        for run in runs
    )
    for (_, end), (start, _) in pairwise(times):
        assert start >= end


def no_slot_is_taken(world: World) -> bool:
    limit = deployment(world)["global_concurrency_limit"]
    return bool(limit["active_slots"] == 0)


def test_a_deployment_limit_of_one_runs_jobs_and_quick_runs_one_after_another(
    world: World, pictures: PictureServer
) -> None:
    with deployment_limit(world, 1):
        jobs = [world.post(pictures.photo(seed))["job_id"] for seed in range(5200, 5203)]
        quick = [quick_run(world, image_urls=[pictures.photo(seed)])["id"] for seed in (5210,)]
        most = most_at_once(world, jobs, quick)
        runs = [ended(world, world.job(job_id)["flow_run_id"]) for job_id in jobs]
        runs += [ended(world, run_id) for run_id in quick]
        eventually(lambda: no_slot_is_taken(world), "no slot is taken")

    assert most == 1
    assert [world.job(job_id)["state"] for job_id in jobs] == ["ready"] * 3
    assert [run["state"]["type"] for run in runs] == ["COMPLETED"] * 4
    assert [run["run_count"] for run in runs] == [1] * 4
    assert_one_after_another(runs)
    assert set(pictures.requests.values()) == {1}

    after = world.finished(world.post(pictures.photo(5220))["job_id"])
    assert world.ended_run(after)["state"]["type"] == "COMPLETED"
    assert states_of(world, after["flow_run_id"]) == ["PENDING", "RUNNING", "COMPLETED"]


@pytest.mark.thorough
def test_a_work_pool_limit_of_one_runs_jobs_one_after_another(
    world: World, pictures: PictureServer
) -> None:
    with pool_limit(world, 1):
        jobs = [world.post(pictures.photo(seed))["job_id"] for seed in (5230, 5231)]
        most = most_at_once(world, jobs, [])
        runs = [ended(world, world.job(job_id)["flow_run_id"]) for job_id in jobs]

    assert most == 1
    assert [world.job(job_id)["state"] for job_id in jobs] == ["ready"] * 2
    assert_one_after_another(runs)


@pytest.mark.thorough
def test_a_killed_worker_s_slot_becomes_free_and_both_jobs_are_done(
    world: World, pictures: PictureServer
) -> None:
    held, waiting = pictures.photo(5240), pictures.photo(5241)
    with deployment_limit(world, 1):
        pictures.gate.clear()
        first = world.post(held)["job_id"]
        eventually(lambda: pictures.requests["/photo/5240.jpg"], "the slot is held", seconds=60)
        second = world.post(waiting)["job_id"]
        world.stack.part("worker-1").kill()
        pictures.gate.set()
        jobs = [world.finished(job_id, seconds=_SECONDS) for job_id in (first, second)]
        runs = [ended(world, job["flow_run_id"]) for job in jobs]
        eventually(lambda: no_slot_is_taken(world), "no slot is taken", seconds=120)

    assert [job["state"] for job in jobs] == ["ready", "ready"]
    assert [job["attempts"] for job in jobs] == [2, 1]
    assert [run["state"]["type"] for run in runs] == ["COMPLETED", "COMPLETED"]


@pytest.mark.thorough
def test_a_job_that_waits_for_a_slot_can_be_cancelled_in_prefect(
    world: World, pictures: PictureServer
) -> None:
    held, waiting = pictures.photo(5250), pictures.photo(5251)
    with deployment_limit(world, 1):
        pictures.gate.clear()
        first = world.post(held)["job_id"]
        eventually(lambda: pictures.requests["/photo/5250.jpg"], "the slot is held", seconds=60)
        second = world.post(waiting, sku="WAITS-FOR-A-SLOT")["job_id"]
        run_id = eventually(lambda: run_tagged(world, "sku:WAITS-FOR-A-SLOT"), "the run exists")
        cancel(world, run_id)
        lost = world.finished(second, seconds=30)
        run = ended(world, run_id)
        pictures.gate.set()
        done = world.finished(first)

    assert (lost["state"], run["state"]["type"]) == ("cancelled", "CANCELLED")
    assert done["state"] == "ready"
    assert pictures.requests["/photo/5251.jpg"] == 0


def run_tagged(world: World, tag: str) -> Any:
    runs = world.flow_runs(flow_runs={"tags": {"all_": [tag]}})
    return runs[0]["id"] if runs else None


@pytest.mark.thorough
def test_a_limit_removed_while_a_run_holds_its_slot_lets_the_run_end(
    world: World, pictures: PictureServer
) -> None:
    held = pictures.photo(5260)
    pictures.gate.clear()
    with deployment_limit(world, 1):
        job_id = world.post(held)["job_id"]
        eventually(lambda: pictures.requests["/photo/5260.jpg"], "the slot is held", seconds=60)
    pictures.gate.set()
    job = world.finished(job_id)

    assert (job["state"], job["attempts"]) == ("ready", 1)
    assert ended(world, job["flow_run_id"])["state"]["type"] == "COMPLETED"


@pytest.mark.thorough
def test_a_job_that_ran_before_there_was_a_limit_frees_nobody_else_s_slot(
    world: World, pictures: PictureServer
) -> None:
    direct = pictures.photo(5270)
    pictures.gate.clear()
    first = world.post(direct)["job_id"]
    eventually(lambda: pictures.requests["/photo/5270.jpg"], "the first one runs directly")
    with PictureServer() as others, deployment_limit(world, 1):
        later = [others.photo(seed) for seed in (5271, 5272)]
        others.gate.clear()
        jobs = [world.post(url)["job_id"] for url in later]
        most = most_within(world, _TAKEN_SECONDS)
        pictures.gate.set()
        world.ended_run(world.finished(first))
        eventually(lambda: others.requests, "the next one runs", seconds=60)
        most = max(most, most_within(world, _ASKS_AGAIN_SECONDS))
        others.gate.set()
        most = max(most, most_at_once(world, jobs, []))
        runs = [ended(world, world.job(job_id)["flow_run_id"]) for job_id in jobs]

    assert most == 1
    assert_one_after_another(runs)
    assert [world.job(job_id)["state"] for job_id in (first, *jobs)] == ["ready"] * 3
