"""What is owed to receivers is written with the state that it tells about, or not at all."""

import json
from uuid import uuid4

import pytest

from infra.contract.events import DeliveryState, Event
from infra.db.engine import Database
from tasks.jobs.cancel import cancel
from tasks.jobs.claim import claim
from tasks.jobs.end_early import Ending, end_early
from tasks.jobs.lease import Unclaimed
from tasks.jobs.record import record
from tasks.jobs.retry import retry
from tasks.jobs.state_changes import end_cancelled
from tasks.jobs.write_results import locked
from tasks.webhooks.announce import FinishedBatch, announce_batch
from tasks.webhooks.endpoints import switch
from tests.integration.tasks.job_rows import (
    HERE,
    SETTINGS,
    change,
    claimed,
    done,
    failed,
    finished,
    job_row,
    submitted,
)
from tests.integration.webhooks.mail import deliveries, registered

CALLBACK = "https://shop.example/done"


def told(database: Database) -> list[tuple[str, str, dict[str, int]]]:
    """The type, state and counts of every message."""
    bodies = [json.loads(row.payload) for row in deliveries(database)]
    return [(body["type"], body["data"]["state"], body["data"]["counts"]) for body in bodies]


def test_a_job_with_a_callback_url_owes_one_small_message_when_it_ends(database: Database) -> None:
    job = finished(database, "a", "b", callback_url=CALLBACK)

    (row,) = deliveries(database)
    assert (row.url, row.state, row.endpoint_id) == (CALLBACK, DeliveryState.PENDING, None)
    body = json.loads(row.payload)
    assert set(body) == {"type", "timestamp", "data"}
    assert body["data"] == {
        "job_id": str(job.job_id),
        "state": "ready",
        "product_id": str(job.product_id),
        "counts": {"images": 2, "ready": 2, "failed": 0},
        "url": f"/jobs/{job.job_id}",
    }


def test_nobody_who_asked_means_no_message(database: Database) -> None:
    registered(database, CALLBACK, Event.BATCH_FINISHED)
    finished(database, "a")

    assert deliveries(database) == []


def test_a_running_job_owes_nothing(database: Database) -> None:
    claimed(database, submitted(database, "a", callback_url=CALLBACK).job_id)

    assert deliveries(database) == []


def test_partial_failed_and_timed_out_jobs_are_told_too(database: Database) -> None:
    registered(database, CALLBACK)
    partial = claimed(database, submitted(database, "a", "b").job_id)
    record(database, partial, [done(partial.images[0], "a"), failed(partial.images[1])])
    wrong = claimed(database, submitted(database, "c").job_id)
    record(database, wrong, [failed(wrong.images[0])])
    slow = claimed(database, submitted(database, "d").job_id)
    end_early(database, slow, [], ending=Ending.TIMED_OUT)

    assert told(database) == [
        ("job.finished", "partial", {"images": 2, "ready": 1, "failed": 1}),
        ("job.finished", "failed", {"images": 1, "ready": 0, "failed": 1}),
        ("job.finished", "failed", {"images": 1, "ready": 0, "failed": 1}),
    ]


def test_cancelled_and_given_up_jobs_are_told_too(database: Database) -> None:
    registered(database, CALLBACK)
    cancel(database, submitted(database, "a").job_id)
    tired = submitted(database, "b").job_id
    change(database, tired, f"attempts = {SETTINGS.max_attempts}")
    assert claim(database, tired, owner=HERE, settings=SETTINGS) is Unclaimed.GAVE_UP

    counts = {"images": 1, "ready": 0, "failed": 1}
    assert told(database) == [
        ("job.finished", "cancelled", counts),
        ("job.finished", "failed", counts),
    ]


def test_each_round_of_a_job_is_told(database: Database) -> None:
    job = submitted(database, "a", callback_url=CALLBACK).job_id
    first = claimed(database, job)
    record(database, first, [failed(first.images[0])])
    retry(database, job)
    second = claimed(database, job)
    record(database, second, [done(second.images[0], "a")])

    assert [state for _, state, _ in told(database)] == ["failed", "ready"]


def test_an_end_that_is_rolled_back_owes_nothing(database: Database) -> None:
    mine = claimed(database, submitted(database, "a", callback_url=CALLBACK).job_id)

    def end_and_fail() -> None:
        with database.transaction() as session:
            end_cancelled(session, locked(session, mine))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_and_fail()
    assert deliveries(database) == []
    assert not job_row(database, mine.job_id).state.is_final


def test_every_endpoint_that_wants_the_event_is_owed_a_message_of_its_own(
    database: Database,
) -> None:
    first = registered(database, "https://one.example/", Event.JOB_FINISHED)
    second = registered(database, "https://two.example/")
    registered(database, "https://three.example/", Event.BATCH_FINISHED)
    finished(database, "a", callback_url=CALLBACK)

    owed = {(row.url, row.endpoint_id) for row in deliveries(database)}
    assert owed == {
        ("https://one.example/", first.endpoint.id),
        ("https://two.example/", second.endpoint.id),
        (CALLBACK, None),
    }


def test_a_disabled_endpoint_is_owed_nothing_until_it_is_enabled(database: Database) -> None:
    endpoint = registered(database, CALLBACK).endpoint
    switch(database, endpoint.id, enabled=False)
    finished(database, "a")
    assert deliveries(database) == []

    switch(database, endpoint.id, enabled=True)
    finished(database, "b")
    assert len(deliveries(database)) == 1


def test_a_finished_batch_is_told_with_its_counts(database: Database) -> None:
    registered(database, "https://jobs.example/", Event.JOB_FINISHED)
    registered(database, "https://batches.example/", Event.BATCH_FINISHED)
    batch = FinishedBatch(uuid4(), "partial", {"ready": 7, "failed": 1}, callback_url=CALLBACK)
    with database.transaction() as session:
        announce_batch(session, batch)

    rows = deliveries(database)
    assert {row.url for row in rows} == {"https://batches.example/", CALLBACK}
    assert json.loads(rows[0].payload)["data"] == {
        "batch_id": str(batch.batch_id),
        "state": "partial",
        "counts": {"ready": 7, "failed": 1},
        "url": f"/batches/{batch.batch_id}",
    }
