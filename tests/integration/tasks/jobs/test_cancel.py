"""What nobody works on is cancelled at once; what a worker holds is only asked for."""

from uuid import UUID, uuid4

import pytest

from infra.contract.errors import ErrorCode, LostClaim, Rejected
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from tasks.jobs.cancel import cancel, cancel_flow_run, cancel_requests
from tasks.jobs.claim import claim
from tasks.jobs.end_early import Ending, end_early
from tasks.jobs.lease import Unclaimed, give_back, link_flow_run, renew
from tasks.jobs.record import record
from tasks.products.read import read_product
from tests.integration.tasks.job_rows import (
    ELSEWHERE,
    HERE,
    SETTINGS,
    change,
    claimed,
    done,
    expire,
    failed,
    finished,
    image_rows,
    job_row,
    outcome_rows,
    submitted,
)


def assert_all_cancelled(database: Database, job_id: UUID, product_id: UUID) -> None:
    for rows in (outcome_rows(database, job_id), image_rows(database, product_id)):
        assert {(row.state, row.error_code, row.error_retryable) for row in rows} == {
            (ImageState.FAILED, ErrorCode.CANCELLED, True)
        }
    row = job_row(database, job_id)
    assert (row.state, row.lease_owner, row.lease_expires_at) == (JobState.CANCELLED, None, None)
    assert row.finished_at is not None


def test_a_queued_job_is_cancelled_at_once(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")

    status = cancel(database, job.job_id)

    assert (status.state, status.cancel_requested) == (JobState.CANCELLED, True)
    assert status.finished_at == job_row(database, job.job_id).finished_at
    assert_all_cancelled(database, job.job_id, job.product_id)
    assert claim(database, job.job_id, owner=HERE, settings=SETTINGS) is Unclaimed.FINAL


def test_a_parked_job_is_cancelled_at_once(database: Database) -> None:
    job = submitted(database, "a")
    change(database, job.job_id, "not_before = now() + interval '1 hour'")

    assert cancel(database, job.job_id).state is JobState.CANCELLED


def test_a_running_job_goes_on_until_its_holder_has_seen_the_request(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    other = claimed(database, submitted(database, "b").job_id)

    status = cancel(database, mine.job_id)

    assert (status.state, status.lease_is_live) == (JobState.RUNNING, True)
    assert status.cancel_requested
    assert renew(database, [mine], SETTINGS.lease_seconds).renewed == {mine}
    assert cancel_requests(database, [mine, other]) == {mine.job_id}
    assert end_early(database, mine, [], ending=Ending.CANCELLED) is JobState.CANCELLED


def test_whoever_lost_the_job_hears_no_request(database: Database) -> None:
    old = claimed(database, submitted(database, "a").job_id)
    expire(database, old.job_id)
    new = claimed(database, old.job_id, owner=ELSEWHERE)
    cancel(database, old.job_id)

    assert cancel_requests(database, [old]) == frozenset()
    assert cancel_requests(database, [new]) == {old.job_id}
    assert cancel_requests(database, []) == frozenset()


def test_a_running_job_whose_worker_is_gone_is_cancelled_at_once(database: Database) -> None:
    job = submitted(database, "a", sku="S-1")
    mine = claimed(database, job.job_id)
    expire(database, job.job_id)

    assert cancel(database, job.job_id).state is JobState.CANCELLED

    assert_all_cancelled(database, job.job_id, job.product_id)
    with pytest.raises(LostClaim):
        record(database, mine, [done(mine.images[0], "late")])
    assert_all_cancelled(database, job.job_id, job.product_id)


def test_a_job_that_was_finished_before_its_holder_saw_the_request_is_ready(
    database: Database,
) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    cancel(database, mine.job_id)

    assert record(database, mine, [done(mine.images[0], "x")]) is JobState.READY
    assert job_row(database, mine.job_id).state is JobState.READY


def test_cancelling_again_changes_nothing(database: Database) -> None:
    queued = submitted(database, "a").job_id
    running = claimed(database, submitted(database, "b").job_id).job_id
    first = [cancel(database, job_id) for job_id in (queued, running)]
    asked = job_row(database, running).cancel_requested_at

    again = [cancel(database, job_id) for job_id in (queued, running)]

    assert again == first
    assert job_row(database, running).cancel_requested_at == asked


@pytest.mark.parametrize("state", [JobState.READY, JobState.PARTIAL, JobState.FAILED])
def test_a_job_that_has_ended_cannot_be_cancelled(database: Database, state: JobState) -> None:
    job_id = submitted(database, "a").job_id
    change(database, job_id, f"state = '{state}', finished_at = now()")

    with pytest.raises(Rejected) as refusal:
        cancel(database, job_id)

    assert (refusal.value.status, refusal.value.code) == (409, ErrorCode.JOB_IS_FINAL)
    row = job_row(database, job_id)
    assert (row.state, row.cancel_requested_at) == (state, None)


def test_an_unknown_job_is_not_found(database: Database) -> None:
    with pytest.raises(Rejected) as refusal:
        cancel(database, uuid4())

    assert (refusal.value.status, refusal.value.code) == (404, ErrorCode.NOT_FOUND)


def test_the_next_claim_ends_a_job_that_was_asked_for_whatever_its_attempts(
    database: Database,
) -> None:
    given_back = claimed(database, submitted(database, "a").job_id)
    expired = claimed(database, submitted(database, "b").job_id)
    for mine in (given_back, expired):
        cancel(database, mine.job_id)
        change(database, mine.job_id, f"attempts = {SETTINGS.max_attempts}")
    give_back(database, given_back, counts=True)
    expire(database, expired.job_id)

    for mine in (given_back, expired):
        answer = claim(database, mine.job_id, owner=ELSEWHERE, settings=SETTINGS)
        assert answer is Unclaimed.CANCELLED
        assert_all_cancelled(database, mine.job_id, mine.product_id)


def test_cancelling_spares_what_was_finished_and_the_variants_of_the_product(
    database: Database,
) -> None:
    job = finished(database, "a", "b", sku="S-1")
    later = submitted(database, "a", "b", sku="S-1")

    cancel(database, later.job_id)

    assert [row.state for row in outcome_rows(database, job.job_id)] == [ImageState.READY] * 2
    product = read_product(database, job.product_id)
    assert product is not None
    assert [len(image.variants) for image in product.images] == [2, 2]


def test_an_image_that_another_job_works_on_stays_in_its_hands(database: Database) -> None:
    mine = claimed(database, submitted(database, "a", sku="S-1").job_id)
    waiting = submitted(database, "a", sku="S-1")
    cancel(database, waiting.job_id)

    (shown,) = image_rows(database, mine.product_id)
    assert (shown.state, shown.error_code) == (ImageState.QUEUED, None)
    record(database, mine, [done(mine.images[0], "x")])
    assert image_rows(database, mine.product_id)[0].state is ImageState.READY


def test_a_flow_run_cancels_the_job_that_it_shows(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    flow_run_id = uuid4()
    link_flow_run(database, mine, flow_run_id)

    asked = cancel_flow_run(database, flow_run_id)
    give_back(database, mine, counts=True)
    ended = cancel_flow_run(database, flow_run_id)

    assert asked is not None
    assert (asked.job_id, asked.state, asked.cancel_requested) == (
        mine.job_id,
        JobState.RUNNING,
        True,
    )
    assert ended is not None
    assert ended.state is JobState.CANCELLED


def test_a_flow_run_of_something_else_cancels_nothing(database: Database) -> None:
    job_id = submitted(database, "a").job_id

    assert cancel_flow_run(database, uuid4()) is None
    assert job_row(database, job_id).state is JobState.QUEUED


def test_a_flow_run_whose_job_has_ended_leaves_it_as_it_is(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    flow_run_id = uuid4()
    link_flow_run(database, mine, flow_run_id)
    record(database, mine, [failed(mine.images[0])])

    status = cancel_flow_run(database, flow_run_id)

    assert status is not None
    assert (status.state, status.cancel_requested) == (JobState.FAILED, False)
