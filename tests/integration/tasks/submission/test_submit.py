"""A submission becomes product, images and job in one transaction, or nothing at all."""

from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError, StatementError

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import ImageState, JobState, Lane
from infra.db.engine import Database
from tasks.jobs.record import record
from tasks.jobs.status import job_of_flow_run
from tasks.submission.submit import Submission, Upload, submit
from tests.integration.tasks.job_rows import (
    claimed,
    count,
    failed,
    finished,
    image_rows,
    job_row,
    outcome_rows,
    sha256_of,
    submitted,
    url,
)


def upload(content: str) -> Upload:
    sha256 = sha256_of(content)
    return Upload(sha256, f"originals/{sha256}.png", "png", "image/png", 7)


def test_a_first_submission_creates_the_product_with_its_images_in_order(
    database: Database,
) -> None:
    job = submitted(database, "a", "b", "c", sku="S-1", metadata={"season": "spring"})

    assert job.state is JobState.QUEUED
    assert [image.position for image in job.images] == [0, 1, 2]
    assert [image.source_url for image in job.images] == [url("a"), url("b"), url("c")]
    stored = image_rows(database, job.product_id)
    assert [(row.id, row.position, row.source_url, row.state) for row in stored] == [
        (image.id, image.position, image.source_url, ImageState.QUEUED) for image in job.images
    ]
    assert [row.image_id for row in outcome_rows(database, job.job_id)] == [
        row.id for row in stored
    ]


def test_a_new_job_waits_for_dispatch_and_keeps_what_the_caller_said(database: Database) -> None:
    job = submitted(
        database,
        "a",
        lane=Lane.BULK,
        metadata={"a": [1, None, "ü"]},
        callback_url="https://shop.example/hook",
    )

    row = job_row(database, job.job_id)
    assert (row.state, row.lane, row.preset) == (JobState.QUEUED, Lane.BULK, "web")
    assert row.details == {"a": [1, None, "ü"]}
    assert row.callback_url == "https://shop.example/hook"
    assert (row.attempts, row.fencing_token, row.dispatched_at) == (0, 0, None)


def test_a_job_of_a_flow_run_that_is_there_already_is_not_published(database: Database) -> None:
    flow_run_id = uuid4()

    job = submitted(database, "a", flow_run_id=flow_run_id)

    row = job_row(database, job.job_id)
    assert row.flow_run_id == flow_run_id
    assert row.dispatched_at is not None
    assert job_of_flow_run(database, flow_run_id) == job.job_id
    assert claimed(database, job.job_id).flow_run_id == flow_run_id


def test_a_known_sku_names_the_same_product(database: Database) -> None:
    first = submitted(database, "a", sku="S-1")
    second = submitted(database, "b", sku="S-1")
    other = submitted(database, "b", sku="S-2")

    assert second.product_id == first.product_id
    assert other.product_id != first.product_id
    assert count(database, "products") == 2


def test_a_known_product_keeps_its_positions_and_gets_new_images_behind_them(
    database: Database,
) -> None:
    first = submitted(database, "a", "b", sku="S-1")
    second = submitted(database, "new", "b", product_id=first.product_id)

    rows = image_rows(database, first.product_id)
    assert [row.source_url for row in rows] == [url("a"), url("b"), url("new")]
    assert [row.position for row in rows] == [0, 1, 2]
    assert [image.source_url for image in second.images] == [url("new"), url("b")]
    assert [image.position for image in second.images] == [0, 1]
    assert second.images[1].id == first.images[1].id
    assert [row.image_id for row in outcome_rows(database, second.job_id)] == [
        image.id for image in second.images
    ]


def test_an_image_that_is_processed_again_is_queued_and_shows_no_old_error(
    database: Database,
) -> None:
    job = submitted(database, "a", sku="S-1")
    mine = claimed(database, job.job_id)
    record(database, mine, [failed(mine.images[0])])

    submitted(database, "a", sku="S-1")

    (image,) = image_rows(database, job.product_id)
    assert image.state is ImageState.QUEUED
    assert (image.error_code, image.error_detail, image.error_retryable) == (None, None, None)


def test_an_unknown_product_is_not_found(database: Database) -> None:
    with pytest.raises(Rejected) as refusal:
        submitted(database, "a", product_id=uuid4())

    assert (refusal.value.status, refusal.value.code) == (404, ErrorCode.NOT_FOUND)
    assert count(database, "jobs") == 0


def test_a_product_with_another_sku_is_refused(database: Database) -> None:
    product_id = submitted(database, "a", sku="S-1").product_id

    with pytest.raises(Rejected) as refusal:
        submitted(database, "b", product_id=product_id, sku="S-2")
    agreeing = submitted(database, "b", product_id=product_id, sku="S-1")

    assert (refusal.value.status, refusal.value.code) == (422, ErrorCode.INVALID_REQUEST)
    assert agreeing.product_id == product_id
    assert (count(database, "products"), count(database, "jobs")) == (1, 2)


def test_equal_urls_in_one_request_are_one_image(database: Database) -> None:
    job = submitted(database, "a", "b", "a", "b", "a")

    assert [image.source_url for image in job.images] == [url("a"), url("b")]
    assert count(database, "images") == 2


def test_one_url_without_sku_finds_the_product_that_it_made(database: Database) -> None:
    first = submitted(database, "a")
    second = submitted(database, "a")

    assert second.product_id == first.product_id
    assert second.images[0].id == first.images[0].id
    assert second.job_id != first.job_id


def test_one_url_without_sku_does_not_find_a_product_with_sku(database: Database) -> None:
    named = submitted(database, "a", sku="S-1")

    assert submitted(database, "a").product_id != named.product_id


def test_several_urls_without_sku_are_a_new_product_every_time(database: Database) -> None:
    first = submitted(database, "a", "b")
    second = submitted(database, "a", "b")

    assert second.product_id != first.product_id
    assert count(database, "products") == 2


def test_uploads_are_originals_and_images_of_the_product(database: Database) -> None:
    files = (upload("one"), upload("two"), upload("one"))
    job = submit(database, Submission("web", urls=(url("a"),), uploads=files, sku="S-1"))
    again = submit(database, Submission("web", uploads=files, sku="S-1"))

    sources = [f"upload:{sha256_of('one')}", f"upload:{sha256_of('two')}"]
    assert [image.source_url for image in job.images] == [url("a"), *sources]
    assert [image.id for image in again.images] == [image.id for image in job.images[1:]]
    assert count(database, "originals") == 2


def test_an_upload_that_was_decoded_before_keeps_what_is_known_of_it(database: Database) -> None:
    finished(database, "one")

    submit(database, Submission("web", uploads=(upload("one"),)))

    with database.transaction() as session:
        width = session.connection().exec_driver_sql("SELECT width FROM originals").scalar_one()
    assert width == 1200


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (Submission("web", urls=(url("b"),), sku="S-1", metadata={"a": object()}), StatementError),
        (Submission("x" * 61, urls=(url("b"),), uploads=(upload("x"),), sku="S-2"), Exception),
        (
            Submission("web", uploads=(Upload("not hex", "k", "png", "image/png", 1),), sku="S-3"),
            IntegrityError,
        ),
    ],
    ids=["metadata", "preset", "upload"],
)
def test_a_submission_that_breaks_midway_leaves_nothing_behind(
    database: Database, broken: Submission, error: type[Exception]
) -> None:
    before = submitted(database, "a", sku="S-1")

    with pytest.raises(error):
        submit(database, broken)

    tables = ("products", "images", "jobs", "job_images", "originals")
    assert [count(database, table) for table in tables] == [1, 1, 1, 1, 0]
    assert [row.source_url for row in image_rows(database, before.product_id)] == [url("a")]
