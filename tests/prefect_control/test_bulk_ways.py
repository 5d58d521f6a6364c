"""Batches under a limit, on a worker that stops in order, and with a chunk that is retried."""

import pytest

from infra.contract.states import BatchState
from infra.db.engine import Database
from tests.integration.chunks.batches import chunks_of, jobs_of
from tests.pictures import PictureServer
from tests.support.bulk_work import at_least, begin_batch, ended, outcomes, small_ones, states
from tests.support.prefect_hands import ended as run_ended
from tests.support.prefect_hands import pool_limit, retry, states_of
from tests.waiting import eventually
from tests.world import World

JOBS = 12  # of one chunk


def test_a_worker_that_stops_in_order_gives_its_chunk_back_uncounted(
    world: World, pictures: PictureServer, database: Database
) -> None:
    batch = begin_batch(database, small_ones(pictures, 2000, JOBS))
    at_least(database, batch, 3)

    worker = world.stack.part("worker-1")
    worker.stop()
    left = states(database, batch)
    worker.start()

    ended(database, batch, BatchState.READY)
    assert left["running"] == 0
    assert left["queued"] > 0
    assert outcomes(database, batch) == {"created": JOBS}
    assert [job.attempts for job in jobs_of(database, batch)] == [1] * JOBS
    assert [chunk.attempts for chunk in chunks_of(database, batch)] == [1]


@pytest.mark.thorough
def test_a_chunk_respects_the_limit_of_the_work_pool(
    world: World, pictures: PictureServer, database: Database
) -> None:
    with pool_limit(world, 1):
        batch = begin_batch(database, small_ones(pictures, 2100, JOBS))
        ended(database, batch, BatchState.READY)
        (chunk,) = chunks_of(database, batch)
        run = run_ended(world, str(chunk.flow_run_id))

    assert run["state"]["type"] == "COMPLETED"
    assert states_of(world, run["id"])[0] == "SCHEDULED"


@pytest.mark.thorough
def test_retrying_the_run_of_a_chunk_does_again_what_failed_in_it(
    world: World, pictures: PictureServer, database: Database
) -> None:
    urls = small_ones(pictures, 2200, 5)
    pictures.refusals["/bulk/2202.jpg"] = (404, {})
    batch = begin_batch(database, urls)
    ended(database, batch, BatchState.PARTIAL)
    (chunk,) = chunks_of(database, batch)
    run = run_ended(world, str(chunk.flow_run_id))
    asked = pictures.requests.copy()

    del pictures.refusals["/bulk/2202.jpg"]
    retry(world, run["id"])

    eventually(
        lambda: states(database, batch) == {"ready": 5}, "the failed job is ready", seconds=120
    )
    assert run["state"]["name"] == "Partial"
    again = {path for path, count in pictures.requests.items() if count > asked[path]}
    assert again == {"/bulk/2202.jpg"}
