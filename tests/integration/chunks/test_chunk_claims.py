"""A chunk is worked on by one process at a time, and lets go of what it could not finish."""

from functools import partial
from uuid import UUID

from infra.db.engine import Database
from infra.db.models.batches import Chunk
from tasks.chunks.claim import ChunkClaim, claim_chunk
from tasks.chunks.finish import Release, finish_chunk, release_run
from tasks.chunks.pack import pack_due
from tasks.jobs.lease import Unclaimed, give_back, link_flow_run, renew
from tasks.jobs.read import JobFilter, list_jobs, read_job
from tasks.jobs.reclaim import reclaim_lost
from tests.integration.chunks.batches import (
    BULK,
    batch_of,
    change_chunk,
    change_jobs,
    chunks_of,
    jobs_of,
    names,
)
from tests.integration.tasks.job_rows import ELSEWHERE, HERE, SETTINGS, at_once, change

RUN = UUID("01900000-0000-7000-8000-000000000001")


def packed(database: Database, jobs: int = 3) -> tuple[UUID, UUID]:
    """Return a batch and its only chunk."""
    batch = batch_of(database, *names(jobs))
    pack_due(database, BULK)
    return batch, chunks_of(database, batch)[0].id


def claimed(database: Database, chunk_id: UUID, owner: str = HERE) -> ChunkClaim:
    result = claim_chunk(database, chunk_id, owner=owner, settings=SETTINGS)
    assert isinstance(result, ChunkClaim), result
    return result


def test_of_many_who_claim_a_chunk_one_gets_it(database: Database) -> None:
    _, chunk = packed(database)
    claims = at_once(
        partial(claim_chunk, database, chunk, owner=f"worker-{n}", settings=SETTINGS)
        for n in range(6)
    )
    assert sum(isinstance(each, ChunkClaim) for each in claims) == 1
    assert [each for each in claims if not isinstance(each, ChunkClaim)] == (
        [Unclaimed.HELD_ELSEWHERE] * 5
    )


def test_a_chunk_whose_lease_ended_is_claimed_by_another_and_the_first_writes_nothing(
    database: Database,
) -> None:
    _, chunk = packed(database)
    first = claimed(database, chunk)
    change_chunk(database, chunk, "lease_expires_at = now() - interval '1 second'")

    second = claimed(database, chunk, owner=ELSEWHERE)

    assert second.fencing_token == first.fencing_token + 1
    assert renew(database, [first], SETTINGS.lease_seconds).renewed == set()
    assert not finish_chunk(database, first)
    assert not give_back(database, first, counts=True)
    assert renew(database, [second], SETTINGS.lease_seconds).renewed == {second}


def test_jobs_without_an_end_leave_a_chunk_that_ends_and_are_packed_again(
    database: Database,
) -> None:
    batch, chunk = packed(database)
    mine = claimed(database, chunk)
    assert finish_chunk(database, mine) == {"queued": 3}

    assert [job.chunk_id for job in jobs_of(database, batch)] == [None] * 3
    assert pack_due(database, BULK) == 3
    assert [each.state for each in chunks_of(database, batch)] == ["done", "queued"]


def test_a_chunk_that_ends_counts_the_jobs_of_all_its_attempts(database: Database) -> None:
    batch, chunk = packed(database)
    first_two = "batch_position < 2 AND state = 'queued'"
    ended = f"CASE WHEN {first_two} THEN 'ready' ELSE state END"
    at = f"CASE WHEN {first_two} THEN now() END"
    change_jobs(database, batch, f"state = {ended}, finished_at = {at}")
    last = claimed(database, chunk)  # what an attempt left that was broken off
    assert len(last.job_ids) == 1
    change_jobs(database, batch, "state = 'ready', finished_at = now()")

    assert finish_chunk(database, last) == {"ready": 3}


def test_a_chunk_whose_jobs_have_all_ended_ends_at_its_claim(database: Database) -> None:
    batch, chunk = packed(database)
    change_jobs(database, batch, "state = 'ready', finished_at = now()")

    assert claim_chunk(database, chunk, owner=HERE, settings=SETTINGS) is Unclaimed.FINAL
    assert chunks_of(database, batch)[0].state == "done"
    assert [job.chunk_id for job in jobs_of(database, batch)] == [chunk] * 3


def test_a_chunk_that_was_given_back_costs_an_attempt_only_when_it_is_to_blame(
    database: Database,
) -> None:
    _, chunk = packed(database)
    assert give_back(database, claimed(database, chunk), counts=False)
    again = claimed(database, chunk)
    assert again.attempt == 1
    assert give_back(database, again, counts=True)
    assert claimed(database, chunk).attempt == 2


def test_a_chunk_begun_too_often_ends_and_its_jobs_fail(database: Database) -> None:
    batch, chunk = packed(database)
    change_chunk(database, chunk, f"attempts = {SETTINGS.max_attempts}")

    assert claim_chunk(database, chunk, owner=HERE, settings=SETTINGS) is Unclaimed.GAVE_UP

    jobs = jobs_of(database, batch)
    assert [(job.state, job.error_code) for job in jobs] == [("failed", "gave_up")] * 3
    assert chunks_of(database, batch)[0].state == "done"


def test_the_chunk_of_a_worker_that_fell_silent_is_published_again(database: Database) -> None:
    batch, chunk = packed(database)
    claimed(database, chunk)
    change_chunk(
        database, chunk, "dispatched_at = now(), lease_expires_at = now() - interval '10 seconds'"
    )

    assert reclaim_lost(database, Chunk, grace_seconds=5) == (chunk,)

    row = chunks_of(database, batch)[0]
    assert (row.state, row.dispatched_at, row.attempts) == ("queued", None, 1)


def test_cancelling_the_run_of_a_waiting_chunk_returns_its_jobs(database: Database) -> None:
    batch, chunk = packed(database)
    mine = claimed(database, chunk)
    link_flow_run(database, mine, RUN)
    assert release_run(database, RUN) is Release.HELD
    give_back(database, mine, counts=False)

    assert release_run(database, RUN) is Release.ENDED
    assert [job.chunk_id for job in jobs_of(database, batch)] == [None] * 3
    assert release_run(database, batch) is Release.NOT_A_CHUNK


def test_a_job_in_a_chunk_is_shown_by_the_chunks_run(database: Database) -> None:
    batch, chunk = packed(database, jobs=2)
    link_flow_run(database, claimed(database, chunk), RUN)
    first, second = jobs_of(database, batch)
    change(database, second.id, "chunk_id = NULL")

    shown = [read_job(database, job.id) for job in (first, second)]
    listed = {job.id: job.flow_run_id for job in list_jobs(database, JobFilter(limit=10))}

    assert [job.summary.flow_run_id for job in shown if job is not None] == [RUN, None]
    assert listed == {first.id: RUN, second.id: None}
