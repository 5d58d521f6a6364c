"""Suspend on a run's page in Prefect: the run goes on and says how to pause, nothing is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.contract.states import BatchState
from infra.db.engine import Database
from tests.integration.chunks.batches import chunks_of
from tests.pictures import PictureServer
from tests.rabbit import waiting_jobs
from tests.support.bulk_work import batch_row, begin_batch, outcomes, small_ones
from tests.support.bulk_work import ended as batch_ended
from tests.support.evidence import small
from tests.support.prefect_hands import cancel, ended, paused, quick_run, states_of, suspend
from tests.waiting import eventually
from tests.world import World

LATER = {"Retry-After": "16"}  # a second more than what is waited for within a run
CLASSIC_AND_NEW_UI = pytest.mark.parametrize(
    "force",
    [
        pytest.param(False, id="classic_ui"),
        pytest.param(True, id="new_ui", marks=pytest.mark.thorough),
    ],
)


def refused(world: World, flow_run_id: str, state_type: str) -> Any:
    """Return the run when it shows this state again, and how to pause."""

    def look() -> Any:
        run = world.flow_run(flow_run_id)
        is_back = run["state"]["type"] == state_type
        return is_back and "cannot be paused" in (run["state"]["message"] or "") and run

    return eventually(look, f"the run is {state_type} again and says how to pause", seconds=30)


def fetching(world: World, pictures: PictureServer, seed: int) -> Any:
    """Return a job whose picture is being fetched until the intake opens."""
    url = pictures.photo(seed)
    pictures.gate.clear()
    accepted = world.post(url)
    eventually(lambda: pictures.requests[f"/photo/{seed}.jpg"], "the picture is being fetched")
    return world.job(accepted["job_id"])


@CLASSIC_AND_NEW_UI
def test_a_run_suspended_in_mid_work_runs_on_and_says_how_to_pause(
    world: World, pictures: PictureServer, *, force: bool
) -> None:
    job = fetching(world, pictures, 5700 + force)

    suspend(world, job["flow_run_id"], force=force)
    refused(world, job["flow_run_id"], "RUNNING")
    pictures.gate.set()
    done = world.finished(job["id"])
    run = ended(world, job["flow_run_id"])

    assert (done["state"], done["attempts"]) == ("ready", 1)
    assert run["state"]["type"] == "COMPLETED"
    assert pictures.requests[f"/photo/{5700 + force}.jpg"] == 1


@pytest.mark.thorough
def test_a_suspended_run_can_be_cancelled_at_once(world: World, pictures: PictureServer) -> None:
    job = fetching(world, pictures, 5710)

    suspend(world, job["flow_run_id"])
    cancel(world, job["flow_run_id"])
    done = world.finished(job["id"])
    pictures.gate.set()

    assert done["state"] == "cancelled"
    assert ended(world, job["flow_run_id"])["state"]["type"] == "CANCELLED"


@pytest.mark.thorough
def test_a_run_suspended_between_two_attempts_waits_on_and_goes_on_in_time(
    world: World, pictures: PictureServer
) -> None:
    with PictureServer() as patient:  # all its pictures wait; the others are elsewhere
        urls = [small(pictures, 5720), small(patient, 5721)]
        patient.refusals["/small/5721.jpg"] = (429, LATER)
        job_id = world.post(*urls)["job_id"]
        waiting = eventually(
            lambda: (seen := world.job(job_id))["flow_run_id"] and _is_parked(world, seen) and seen,
            "the job is parked",
        )
        due = world.flow_run(waiting["flow_run_id"])["state"]["state_details"]["scheduled_time"]

        suspend(world, waiting["flow_run_id"], force=True)
        run = refused(world, waiting["flow_run_id"], "SCHEDULED")
        del patient.refusals["/small/5721.jpg"]
        done = world.finished(job_id)

    assert run["state"]["name"] == "Parked"
    assert run["state"]["state_details"]["scheduled_time"] == due
    assert (done["state"], done["attempts"]) == ("ready", 2)
    assert done["flow_run_id"] == waiting["flow_run_id"]
    assert ended(world, done["flow_run_id"])["state"]["type"] == "COMPLETED"


def _is_parked(world: World, job: Any) -> bool:
    run = world.flow_run(job["flow_run_id"])
    return bool(job["state"] == "queued" and run["state"]["name"] == "Parked")


@pytest.mark.thorough
def test_a_run_suspended_before_it_starts_is_scheduled_again_and_starts_when_it_may(
    world: World, pictures: PictureServer
) -> None:
    url = pictures.photo(5730)
    with paused(world, "the work pool"):
        run_id = quick_run(world, image_urls=[url])["id"]
        suspend(world, run_id, force=True)
        refused(world, run_id, "SCHEDULED")
        job_id = world.post(pictures.photo(5731))["job_id"]
        amqp_url = world.stack.description.amqp_url
        eventually(lambda: waiting_jobs(amqp_url) == 1, "the job waits in the queue")
        fetched = pictures.requests["/photo/5730.jpg"]

    assert fetched == 0
    assert ended(world, run_id)["state"]["type"] == "COMPLETED"
    assert pictures.requests["/photo/5730.jpg"] == 1
    assert world.finished(job_id)["state"] == "ready"


@pytest.mark.thorough
def test_a_run_that_has_ended_shows_its_end_again(world: World, pictures: PictureServer) -> None:
    job = world.finished(world.post(pictures.photo(5740))["job_id"])
    shown = world.ended_run(job)

    suspend(world, job["flow_run_id"], force=True)
    run = ended(world, job["flow_run_id"], seconds=30)

    assert "PAUSED" in states_of(world, run["id"])
    assert (run["state"]["type"], run["state"]["message"]) == (
        shown["state"]["type"],
        shown["state"]["message"],
    )
    assert world.job(job["id"]) == job


def test_suspending_the_runs_of_a_chunk_and_of_its_batch_stops_neither(
    world: World, pictures: PictureServer, database: Database
) -> None:
    pictures.gate.clear()
    batch = begin_batch(database, small_ones(pictures, 2400, 4))
    eventually(lambda: pictures.requests["/bulk/2400.jpg"], "the chunk is at work", seconds=60)
    (chunk,) = chunks_of(database, batch)
    leader = eventually(lambda: batch_row(database, batch).flow_run_id, "the batch is led")

    for run_id in (str(chunk.flow_run_id), str(leader)):
        suspend(world, run_id)
    for run_id in (str(chunk.flow_run_id), str(leader)):
        refused(world, run_id, "RUNNING")
    pictures.gate.set()
    batch_ended(database, batch, BatchState.READY)

    assert outcomes(database, batch) == {"created": 4}
    assert [chunk.attempts for chunk in chunks_of(database, batch)] == [1]
    for run_id in (str(chunk.flow_run_id), str(leader)):
        assert ended(world, run_id)["state"]["type"] == "COMPLETED"


@pytest.mark.thorough
def test_a_pause_that_would_end_soon_fails_no_job(world: World, pictures: PictureServer) -> None:
    job = fetching(world, pictures, 5750)

    over = datetime.now(UTC) - timedelta(seconds=1)
    suspend(world, job["flow_run_id"], force=True, until=over)
    eventually(
        lambda: world.flow_run(job["flow_run_id"])["state"]["type"] != "PAUSED",
        "the server, or a worker, has ended the pause",
        seconds=30,
    )
    pictures.gate.set()
    done = world.finished(job["id"])

    assert (done["state"], done["attempts"]) == ("ready", 1)
    eventually(
        lambda: world.flow_run(job["flow_run_id"])["state"]["type"] == "COMPLETED",
        "the run shows what became of its job",
    )
