"""A retry makes what failed again and leaves alone what is ready."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from tasks.jobs.cancel import cancel
from tasks.jobs.claim import Claim, claim
from tasks.jobs.lease import Unclaimed, link_flow_run
from tasks.jobs.record import record
from tasks.jobs.retry import reopen, retry
from tests.integration.tasks.job_rows import (
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

MINUTE = timedelta(minutes=1)


def ended_partial(database: Database) -> Claim:
    """Return the claim of a job with a flow run, one ready and two failed images."""
    mine = claimed(database, submitted(database, "a", "b", "c", sku="S-1").job_id)
    link_flow_run(database, mine, uuid4())
    first, second, third = mine.images
    record(
        database,
        mine,
        [done(first, "x"), failed(second), failed(third, "http_503", retryable=True)],
    )
    return mine


def refused(database: Database, job_id: UUID) -> tuple[int, str]:
    """Retry a job in vain; return why it was refused."""
    before = (
        job_row(database, job_id).state,
        [row.state for row in outcome_rows(database, job_id)],
    )
    with pytest.raises(Rejected) as refusal:
        retry(database, job_id)
    after = (job_row(database, job_id).state, [row.state for row in outcome_rows(database, job_id)])
    assert after == before
    return refusal.value.status, refusal.value.code


def test_failed_images_are_queued_again_and_ready_ones_left_alone(database: Database) -> None:
    old = ended_partial(database)

    retry(database, old.job_id)

    states = [ImageState.READY, ImageState.QUEUED, ImageState.QUEUED]
    for rows in (outcome_rows(database, old.job_id), image_rows(database, old.product_id)):
        assert [row.state for row in rows] == states
        assert [(row.error_code, row.error_detail) for row in rows] == [(None, None)] * 3
        assert [row.error_retryable for row in rows] == [None] * 3
    again = claimed(database, old.job_id)
    assert [image.position for image in again.images] == [1, 2]


def test_a_retried_job_begins_a_new_round_as_if_it_had_never_run(database: Database) -> None:
    old = ended_partial(database)
    change(
        database,
        old.job_id,
        "error_code = 'gave_up', error_detail = 'Five attempts.', dispatched_at = now(), "
        "not_before = now(), cancel_requested_at = now()",
    )

    retry(database, old.job_id)

    row = job_row(database, old.job_id)
    assert (row.state, row.attempts, row.round) == (JobState.QUEUED, 0, 1)
    assert (row.flow_run_id, row.dispatched_at, row.not_before) == (None, None, None)
    assert (row.cancel_requested_at, row.started_at, row.finished_at) == (None, None, None)
    assert (row.error_code, row.error_detail) == (None, None)
    again = claimed(database, old.job_id)
    assert (again.round, again.flow_run_id, again.attempt) == (1, None, 1)
    assert again.fencing_token > old.fencing_token


def test_a_retry_can_make_the_job_ready(database: Database) -> None:
    old = ended_partial(database)
    retry(database, old.job_id)
    again = claimed(database, old.job_id)

    state = record(database, again, [done(image, image.source_url) for image in again.images])

    assert state is JobState.READY


def test_a_cancelled_job_can_be_retried(database: Database) -> None:
    job_id = submitted(database, "a", "b").job_id
    cancel(database, job_id)

    retry(database, job_id)

    again = claimed(database, job_id)
    assert [image.position for image in again.images] == [0, 1]


def test_a_job_that_was_given_up_gets_all_its_attempts_again(database: Database) -> None:
    job_id = submitted(database, "a").job_id
    for _ in range(SETTINGS.max_attempts):
        claimed(database, job_id)
        expire(database, job_id)
    assert claim(database, job_id, owner=HERE, settings=SETTINGS) is Unclaimed.GAVE_UP

    retry(database, job_id)

    for _ in range(SETTINGS.max_attempts):
        claimed(database, job_id)
        expire(database, job_id)
    assert claim(database, job_id, owner=HERE, settings=SETTINGS) is Unclaimed.GAVE_UP


def test_a_job_that_waits_or_runs_cannot_be_retried(database: Database) -> None:
    job_id = submitted(database, "a").job_id
    assert refused(database, job_id) == (409, ErrorCode.JOB_NOT_FINAL)

    claimed(database, job_id)
    assert refused(database, job_id) == (409, ErrorCode.JOB_NOT_FINAL)


def test_a_job_without_failed_images_has_nothing_to_retry(database: Database) -> None:
    job = finished(database, "a")

    assert refused(database, job.job_id) == (409, ErrorCode.NOTHING_TO_RETRY)
    assert job_row(database, job.job_id).state is JobState.READY


def test_an_unknown_job_is_not_found(database: Database) -> None:
    with pytest.raises(Rejected) as refusal:
        retry(database, uuid4())

    assert (refusal.value.status, refusal.value.code) == (404, ErrorCode.NOT_FOUND)


def test_a_run_that_was_retried_in_prefect_opens_its_job_again(database: Database) -> None:
    old = ended_partial(database)
    flow_run_id = uuid4()

    opened = reopen(
        database, old.job_id, flow_run_id=flow_run_id, wished_at=datetime.now(UTC) + MINUTE
    )

    assert opened is True
    row = job_row(database, old.job_id)
    assert (row.state, row.attempts, row.round) == (JobState.QUEUED, 0, 0)
    assert row.flow_run_id == flow_run_id
    assert row.dispatched_at is not None
    again = claimed(database, old.job_id)
    assert [image.position for image in again.images] == [1, 2]
    assert again.flow_run_id == flow_run_id


def test_a_wish_that_is_older_than_the_end_of_the_job_opens_nothing(database: Database) -> None:
    old = ended_partial(database)
    ended = job_row(database, old.job_id).finished_at
    assert ended is not None

    for wished_at in (ended, ended - MINUTE):
        assert not reopen(database, old.job_id, flow_run_id=uuid4(), wished_at=wished_at)
    assert job_row(database, old.job_id).state is JobState.PARTIAL


def test_a_wish_for_what_is_absent_open_or_ready_opens_nothing(database: Database) -> None:
    running = claimed(database, submitted(database, "a").job_id)
    ready = finished(database, "b")
    soon = datetime.now(UTC) + MINUTE

    for job_id in (uuid4(), running.job_id, ready.job_id):
        assert not reopen(database, job_id, flow_run_id=uuid4(), wished_at=soon)
    assert job_row(database, running.job_id).state is JobState.RUNNING
    assert job_row(database, ready.job_id).state is JobState.READY
