"""Batches on the real stack: chunks as flow runs, led by a batch leader, whatever happens."""

from typing import Any

import pytest

from infra.contract.states import BatchState
from infra.db.engine import Database
from tests.integration.chunks.batches import chunks_of, jobs_of
from tests.pictures import PictureServer
from tests.support.bulk_work import (
    at_least,
    batch_row,
    begin_batch,
    ended,
    outcomes,
    small_ones,
    states,
)
from tests.support.evidence import REAPED_SECONDS, tasks_ended
from tests.support.prefect_hands import cancel, paused, retry, states_of, task_runs
from tests.support.prefect_hands import ended as run_ended
from tests.waiting import eventually
from tests.world import World

JOBS = 16  # more than tests/conftest.py lets a chunk hold
SLOTS = 4  # as tests/conftest.py sets them
IN_HAND = 8  # bulk slots of the worker, and a few


def test_a_batch_is_done_in_chunks_and_shown_as_one_run_with_their_runs_and_its_progress(
    world: World, pictures: PictureServer, database: Database
) -> None:
    batch = begin_batch(database, small_ones(pictures, 1000, JOBS))

    row = ended(database, batch, BatchState.READY)

    assert states(database, batch) == {"ready": JOBS}
    run = run_ended(world, str(row.flow_run_id))
    assert (run["state"]["type"], run["run_count"]) == ("COMPLETED", 1)
    assert f"batch:{batch}" in run["tags"]
    wanted = {"artifacts": {"key": {"any_": [f"batch-{batch}"]}}}
    (progress,) = world.prefect("POST", "/artifacts/filter", wanted)
    assert (progress["type"], progress["data"]) == ("progress", 100.0)
    assert f"| ready | {JOBS} |" in progress["description"]
    (first, second) = chunks_of(database, batch)
    assert (first.jobs, second.jobs) == (12, 4)
    run = run_ended(world, str(first.flow_run_id))
    assert run["state"]["type"] == "COMPLETED"
    assert {f"batch:{batch}", "lane:bulk"} <= set(run["tags"])
    eventually(lambda: len(task_runs(world, run["id"])) == 12, "a task run for each product")
    names = {task["name"] for task in task_runs(world, run["id"])}
    assert f"{str(batch)[-12:]}-000" in names


def test_a_killed_worker_costs_a_batch_nothing_that_was_not_in_hand(
    world: World, pictures: PictureServer, database: Database
) -> None:
    urls = small_ones(pictures, 1200, JOBS)
    batch = begin_batch(database, urls)
    at_least(database, batch, 3)
    pictures.gate.clear()  # so that some jobs are in hand, and others are not

    world.stack.part("worker-1").kill()
    pictures.gate.set()
    row = ended(database, batch, BatchState.READY)

    assert states(database, batch) == {"ready": JOBS}
    fetched_again = sum(count - 1 for path, count in pictures.requests.items())
    assert fetched_again <= IN_HAND
    assert all(job.attempts <= 2 for job in jobs_of(database, batch))
    assert outcomes(database, batch) == {"created": JOBS}
    assert run_ended(world, str(row.flow_run_id))["state"]["type"] == "COMPLETED"
    for chunk in chunks_of(database, batch):
        run_ended(world, str(chunk.flow_run_id), seconds=REAPED_SECONDS)
        tasks_ended(world, str(chunk.flow_run_id))


def test_cancelling_a_chunk_returns_its_jobs_to_the_batch_which_still_ends_ready(
    world: World, pictures: PictureServer, database: Database
) -> None:
    batch = begin_batch(database, small_ones(pictures, 1300, JOBS))
    at_least(database, batch, 3)
    pictures.gate.clear()
    open_jobs = {job.id: job.chunk_id for job in jobs_of(database, batch) if not job.state.is_final}
    chunks = chunks_of(database, batch)
    first = next(each for each in chunks if each.flow_run_id and each.id in open_jobs.values())

    def has_returned_some() -> bool:
        jobs = jobs_of(database, batch)
        return any(open_jobs.get(job.id) == first.id != job.chunk_id for job in jobs)

    cancel(world, str(first.flow_run_id))
    eventually(has_returned_some, "the chunk has returned jobs")
    pictures.gate.set()

    ended(database, batch, BatchState.READY)
    assert run_ended(world, str(first.flow_run_id))["state"]["type"] == "CANCELLED"
    assert all(job.attempts == 1 for job in jobs_of(database, batch))


@pytest.mark.thorough
def test_a_chunk_cancelled_while_its_run_begins_returns_its_jobs_and_never_looks_crashed(
    world: World, pictures: PictureServer, database: Database
) -> None:
    batch = begin_batch(database, small_ones(pictures, 1350, JOBS))

    def run_of_chunk() -> Any:
        runs = world.flow_runs(flow_runs={"tags": {"all_": [f"batch:{batch}"]}})
        return next((run for run in runs if "chunk_id" in run["parameters"]), None)

    run = eventually(run_of_chunk, "a chunk has a run", every_seconds=0.005)
    cancel(world, run["id"])

    ended(database, batch, BatchState.READY)
    assert run_ended(world, run["id"])["state"]["type"] == "CANCELLED"
    assert "CRASHED" not in states_of(world, run["id"])
    assert all(job.attempts == 1 for job in jobs_of(database, batch))


def test_cancelling_the_coordinator_cancels_the_batch_and_a_retry_of_its_run_completes_it(
    world: World, pictures: PictureServer, database: Database
) -> None:
    batch = begin_batch(database, small_ones(pictures, 1400, JOBS))
    at_least(database, batch, 3)
    pictures.gate.clear()
    run_id = str(batch_row(database, batch).flow_run_id)

    cancel(world, run_id)
    ended(database, batch, BatchState.CANCELLED, seconds=30)
    pictures.gate.set()
    shown = run_ended(world, run_id)["state"]["type"]
    left = states(database, batch)

    retry(world, run_id)
    again = ended_again(database, batch)

    assert shown == "CANCELLED"
    assert left["cancelled"] > 0
    assert (again, states(database, batch)) == (BatchState.READY, {"ready": JOBS})


def ended_again(database: Database, batch_id: object) -> BatchState:
    """Return the state of a batch that was cancelled, once it is another one and final."""

    def look() -> BatchState | None:
        state = batch_row(database, batch_id).state  # type: ignore[arg-type]  # a batch's id
        return state if state not in (BatchState.RUNNING, BatchState.CANCELLED) else None

    return eventually(look, "the batch has ended again", seconds=120)


def test_bulk_jobs_wait_while_the_pool_is_paused(
    world: World, pictures: PictureServer, database: Database
) -> None:
    batch = begin_batch(database, small_ones(pictures, 1500, JOBS))
    at_least(database, batch, 3)
    pictures.gate.clear()
    with paused(world, "the work pool"):
        pictures.gate.set()
        eventually(lambda: states(database, batch)["running"] == 0, "what was begun has ended")
        before = states(database, batch)
        job_id = world.post(pictures.photo(1599))["job_id"]
        eventually(lambda: world.job(job_id)["state"] == "queued", "the other lane waits, too")
        after = states(database, batch)

    ended(database, batch, BatchState.READY)
    assert before == after
    assert before["queued"] > 0
    assert world.finished(job_id)["state"] == "ready"
    assert all(job.attempts == 1 for job in jobs_of(database, batch))


def test_an_interactive_job_overtakes_a_batch(
    world: World, pictures: PictureServer, database: Database
) -> None:
    urls = small_ones(pictures, 1600, JOBS)
    pictures.past_the_gate = {"/photo/1799.jpg"}
    pictures.gate.clear()
    batch = begin_batch(database, urls)
    eventually(lambda: len(pictures.requests) >= SLOTS, "the batch has all that it gets")

    job = world.finished(world.post(pictures.photo(1799))["job_id"])
    made = states(database, batch)["ready"]
    pictures.gate.set()

    assert (job["state"], made) == ("ready", 0)
    ended(database, batch, BatchState.READY)
