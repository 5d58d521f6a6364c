"""A cancelled batch ends as soon as nobody works on its jobs any more."""

from functools import partial
from uuid import uuid4

import pytest

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import BatchState, ImageState, JobState
from infra.db.engine import Database
from tasks.batches import cancel as cancelling
from tasks.batches.cancel import cancel_batch, request_cancel
from tasks.batches.settle import settle_batch
from tasks.imports.plan import plan_some
from tasks.jobs.claim import Claim, claim
from tasks.jobs.end_early import Ending, end_early
from tasks.submission.submit import Submission, submit
from tests.integration.batches.stage import make, seen, states, told, waiting, work
from tests.integration.imports.files import batch_row, catalogue, imported, jobs_of, planned
from tests.integration.tasks.job_rows import (
    SETTINGS,
    at_once,
    claimed,
    finished,
    image_rows,
    job_row,
    outcome_rows,
    submitted,
)

CALLBACK = "https://shop.example/done"


def test_waiting_jobs_end_and_those_that_are_held_are_asked(database: Database) -> None:
    batch_id = planned(database, catalogue(4), callback_url=CALLBACK)
    work(database, batch_id, [make])
    mine = claimed(database, waiting(database, batch_id)[0].id)

    cancel_batch(database, batch_id)

    assert states(database, batch_id) == ["ready", "running", "cancelled", "cancelled"]
    assert job_row(database, mine.job_id).cancel_requested_at is not None
    assert seen(database, batch_id).cancel_requested
    assert batch_row(database, batch_id).state is BatchState.RUNNING

    end_early(database, mine, [], ending=Ending.CANCELLED)
    assert settle_batch(database, batch_id) is BatchState.CANCELLED
    assert [message["state"] for message in told(database, "batch.finished")] == ["cancelled"]


def test_images_that_were_not_made_fail_retryable_in_both_tables(database: Database) -> None:
    batch_id = planned(database, catalogue(1, images=2))
    (job,) = jobs_of(database, batch_id)

    cancel_batch(database, batch_id)

    for row in (*image_rows(database, job.product_id), *outcome_rows(database, job.id)):
        assert (row.state, row.error_code, row.error_retryable) == (
            ImageState.FAILED,
            ErrorCode.CANCELLED,
            True,
        )
    assert batch_row(database, batch_id).state is BatchState.CANCELLED


def test_an_image_that_another_job_owes_stays_in_its_hands(database: Database) -> None:
    batch_id = planned(database, catalogue(2))
    first, second = jobs_of(database, batch_id)
    source = image_rows(database, first.product_id)[0].source_url
    submit(database, Submission(preset="web", urls=(source,), sku="S-000000"))

    cancel_batch(database, batch_id)

    assert image_rows(database, first.product_id)[0].state is ImageState.QUEUED
    assert image_rows(database, second.product_id)[0].state is ImageState.FAILED


def test_every_receiver_of_jobs_hears_of_each_that_was_cancelled(database: Database) -> None:
    batch_id = planned(database, catalogue(3))
    for job in jobs_of(database, batch_id)[:2]:
        with database.transaction() as session:
            session.merge(job).callback_url = CALLBACK

    cancel_batch(database, batch_id)

    messages = told(database, "job.finished")
    assert [message["state"] for message in messages] == ["cancelled"] * 2
    assert messages[0]["counts"] == {"images": 1, "ready": 0, "failed": 1}


def test_a_cancel_that_was_interrupted_goes_on_when_called_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = planned(database, catalogue(10))
    monkeypatch.setattr(cancelling, "_SLICE", 4)
    request_cancel(database, batch_id)
    cancelling._end_some_waiting(database, batch_id)  # and the process dies
    assert states(database, batch_id).count("cancelled") == 4
    wished = batch_row(database, batch_id).cancel_requested_at

    cancel_batch(database, batch_id)
    cancel_batch(database, batch_id)

    assert states(database, batch_id) == ["cancelled"] * 10
    batch = batch_row(database, batch_id)
    assert (batch.state, batch.cancel_requested_at) == (BatchState.CANCELLED, wished)


def test_a_plan_stops_and_the_batch_ends_without_it(database: Database) -> None:
    batch_id = imported(database, catalogue(4))
    plan_some(database, batch_id, limit=2)

    cancel_batch(database, batch_id)

    assert plan_some(database, batch_id, limit=9) == 0
    assert states(database, batch_id) == ["cancelled"] * 2
    view = seen(database, batch_id)
    assert (view.state, view.planned, view.progress) == (BatchState.CANCELLED, False, 1)


def test_a_batch_that_has_ended_is_not_cancelled(database: Database) -> None:
    batch_id = planned(database, catalogue(1))
    work(database, batch_id, [make])
    settle_batch(database, batch_id)

    with pytest.raises(Rejected) as refusal:
        cancel_batch(database, batch_id)

    assert (refusal.value.status, refusal.value.code) == (409, ErrorCode.BATCH_IS_FINAL)
    with pytest.raises(Rejected) as refusal:
        cancel_batch(database, uuid4())
    assert refusal.value.status == 404


def test_workers_cancels_and_a_planner_at_once_leave_nothing_open(database: Database) -> None:
    batch_id = imported(database, catalogue(120))
    plan_some(database, batch_id, limit=60)
    jobs = waiting(database, batch_id)

    def worker(part: int) -> None:
        for job in jobs[part::3]:
            mine = claim(database, job.id, owner=f"w{part}", settings=SETTINGS)
            if isinstance(mine, Claim):
                end_early(database, mine, [], ending=Ending.CANCELLED)

    def planner() -> None:
        while plan_some(database, batch_id, limit=10):
            pass

    at_once(
        [
            *(partial(worker, part) for part in range(3)),
            *[partial(cancel_batch, database, batch_id)] * 2,
            planner,
        ]
    )

    assert settle_batch(database, batch_id) is BatchState.CANCELLED
    assert set(states(database, batch_id)) == {JobState.CANCELLED}


def test_a_product_keeps_the_picture_that_it_had(database: Database) -> None:
    job = finished(database, "a", sku="S-000000")
    before = image_rows(database, job.product_id)[0].original_sha256
    submitted(database, "b", sku="S-000001")
    source = image_rows(database, job.product_id)[0].source_url
    batch_id = planned(database, f"sku,image_urls\nS-000000,{source}\n")

    cancel_batch(database, batch_id)

    assert image_rows(database, job.product_id)[0].original_sha256 == before
