"""A job that ends early keeps what was made, and fails the rest in a way that can be retried."""

import pytest

from infra.contract.errors import ErrorCode
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from tasks.jobs.end_early import Ending, end_early
from tasks.jobs.read import read_job
from tasks.products.read import read_product
from tasks.steps.results import ImageResult
from tests.integration.tasks.job_rows import (
    claimed,
    done,
    failed,
    finished,
    image_rows,
    job_row,
    outcome_rows,
    submitted,
)

CODES = {Ending.CANCELLED: ErrorCode.CANCELLED, Ending.TIMED_OUT: ErrorCode.JOB_TIMEOUT}


@pytest.mark.parametrize("ending", Ending)
def test_what_was_made_is_kept_and_the_rest_fails(database: Database, ending: Ending) -> None:
    job = submitted(database, "a", "b", "c", sku="S-1")
    mine = claimed(database, job.job_id)

    end_early(database, mine, [done(mine.images[0], "x"), failed(mine.images[2])], ending=ending)

    for rows in (outcome_rows(database, job.job_id), image_rows(database, job.product_id)):
        assert [(row.state, row.error_code, row.error_retryable) for row in rows] == [
            (ImageState.READY, None, None),
            (ImageState.FAILED, CODES[ending], True),
            (ImageState.FAILED, "http_404", False),
        ]
    assert all(row.finished_at for row in outcome_rows(database, job.job_id))
    view = read_job(database, job.job_id)
    assert view is not None
    assert [len(image.variants) for image in view.images] == [2, 0, 0]
    assert view.images[1].error is not None
    assert view.images[1].error.detail.endswith(".")


@pytest.mark.parametrize(
    ("ending", "good", "state"),
    [
        (Ending.CANCELLED, 0, JobState.CANCELLED),
        (Ending.CANCELLED, 1, JobState.CANCELLED),
        (Ending.CANCELLED, 2, JobState.CANCELLED),
        (Ending.TIMED_OUT, 0, JobState.FAILED),
        (Ending.TIMED_OUT, 1, JobState.PARTIAL),
        (Ending.TIMED_OUT, 2, JobState.READY),
    ],
)
def test_a_job_ends_cancelled_or_as_its_images_say(
    database: Database, ending: Ending, good: int, state: JobState
) -> None:
    mine = claimed(database, submitted(database, "a", "b").job_id)
    results: list[ImageResult] = [done(image, "x") for image in mine.images[:good]]

    assert end_early(database, mine, results, ending=ending) is state

    row = job_row(database, mine.job_id)
    assert (row.state, row.lease_owner, row.lease_expires_at) == (state, None, None)
    assert row.finished_at is not None


def test_a_job_that_ran_out_of_time_says_so_itself(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)

    end_early(database, mine, [], ending=Ending.TIMED_OUT)

    view = read_job(database, mine.job_id)
    assert view is not None
    assert view.error is not None
    assert view.error.code == ErrorCode.JOB_TIMEOUT


def test_a_job_that_had_all_its_images_when_time_ran_out_shows_no_error(
    database: Database,
) -> None:
    mine = claimed(database, submitted(database, "a").job_id)

    end_early(database, mine, [done(mine.images[0], "x")], ending=Ending.TIMED_OUT)

    assert job_row(database, mine.job_id).error_code is None


@pytest.mark.parametrize("ending", Ending)
def test_the_product_keeps_the_variants_that_an_unfinished_image_had(
    database: Database, ending: Ending
) -> None:
    job = finished(database, "a", sku="S-1")
    mine = claimed(database, submitted(database, "a", sku="S-1").job_id)

    end_early(database, mine, [], ending=ending)

    product = read_product(database, job.product_id)
    assert product is not None
    assert product.images[0].state is ImageState.FAILED
    assert len(product.images[0].variants) == 2


def test_an_image_that_another_job_still_owes_stays_awaited(database: Database) -> None:
    mine = claimed(database, submitted(database, "a", "b", sku="S-1").job_id)
    later = submitted(database, "a", sku="S-1")

    end_early(database, mine, [], ending=Ending.CANCELLED)

    assert [row.state for row in outcome_rows(database, mine.job_id)] == [ImageState.FAILED] * 2
    shown = [row.state for row in image_rows(database, later.product_id)]
    assert shown == [ImageState.QUEUED, ImageState.FAILED]


def test_an_image_that_a_newer_job_made_meanwhile_stays_ready(database: Database) -> None:
    mine = claimed(database, submitted(database, "a", sku="S-1").job_id)
    newer = finished(database, "a", sku="S-1")

    end_early(database, mine, [], ending=Ending.TIMED_OUT)

    (shown,) = image_rows(database, newer.product_id)
    assert (shown.state, shown.error_code) == (ImageState.READY, None)
    assert outcome_rows(database, mine.job_id)[0].error_code == ErrorCode.JOB_TIMEOUT
