"""What became of the images is written once, whole, and stays as it was."""

from collections.abc import Callable

import pytest

from infra.contract.errors import ErrorCode, LostClaim
from infra.contract.states import ImageState, JobState, Outcome
from infra.db.engine import Database
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.jobs.read import read_job
from tasks.jobs.record import record, record_images
from tasks.products.edit_images import ImageFields, change_image, replace_image
from tasks.products.read import read_product
from tasks.steps.results import ClaimedImage, ImageResult
from tasks.submission.submit import Submission
from tests.integration.tasks.job_rows import (
    ELSEWHERE,
    FINGERPRINT,
    change,
    claimed,
    count,
    done,
    expire,
    failed,
    finished,
    image_rows,
    job_row,
    outcome_rows,
    sha256_of,
    submitted,
    url,
)


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [
        (2, 0, JobState.READY),
        (1, 1, JobState.PARTIAL),
        (0, 2, JobState.FAILED),
    ],
)
def test_a_job_ends_as_its_images_did(
    database: Database, good: int, bad: int, state: JobState
) -> None:
    mine = claimed(database, submitted(database, "a", "b").job_id)
    results: list[ImageResult] = [
        *(done(image, "x") for image in mine.images[:good]),
        *(failed(image) for image in mine.images[good:]),
    ]

    assert record(database, mine, results) is state

    row = job_row(database, mine.job_id)
    assert row.state is state
    assert row.finished_at is not None
    assert (row.lease_owner, row.lease_expires_at, row.error_code) == (None, None, None)
    assert len(results) == good + bad


def test_each_image_keeps_its_own_error_or_variants(database: Database) -> None:
    job = submitted(database, "a", "b", "c", sku="S-1")
    mine = claimed(database, job.job_id)
    first, second, third = mine.images

    record(
        database,
        mine,
        [failed(third, "http_503", retryable=True), done(first, "x"), failed(second, "corrupt")],
    )

    view = read_job(database, job.job_id)
    assert view is not None
    assert [image.state for image in view.images] == [
        ImageState.READY,
        ImageState.FAILED,
        ImageState.FAILED,
    ]
    errors = [image.error for image in view.images]
    assert errors[0] is None
    assert errors[1] is not None
    assert (errors[1].code, errors[1].retryable) == ("corrupt", False)
    assert errors[2] is not None
    assert (errors[2].code, errors[2].retryable) == ("http_503", True)
    assert errors[2].detail == "It failed with http_503."
    assert [variant.name for variant in view.images[0].variants] == ["w800-webp", "w400-webp"]
    assert view.images[0].source_bytes == 1000
    assert [image.variants for image in view.images[1:]] == [(), ()]


def test_the_product_shows_what_was_recorded(database: Database) -> None:
    job = finished(database, "a", sku="S-1")

    product = read_product(database, job.product_id)

    assert product is not None
    (image,) = product.images
    assert (image.state, image.error) == (ImageState.READY, None)
    assert [(variant.width, variant.height) for variant in image.variants] == [
        (800, 600),
        (400, 300),
    ]
    assert product.head.updated_at > product.head.created_at


def test_a_failure_leaves_the_product_with_the_variants_that_it_had(database: Database) -> None:
    job = finished(database, "a", sku="S-1")
    mine = claimed(database, submitted(database, "a", sku="S-1").job_id)

    record(database, mine, [failed(mine.images[0])])

    product = read_product(database, job.product_id)
    assert product is not None
    (image,) = product.images
    assert image.state is ImageState.FAILED
    assert image.error is not None
    assert len(image.variants) == 2


def test_the_same_bytes_of_two_jobs_are_written_once(database: Database) -> None:
    jobs = [submitted(database, name, sku=name) for name in ("a", "b")]
    claims = [claimed(database, job.job_id) for job in jobs]  # both rendered before either recorded
    for mine in claims:
        record(database, mine, [done(mine.images[0], "same")])

    assert (count(database, "originals"), count(database, "variants")) == (1, 2)
    for job in jobs:
        view = read_job(database, job.job_id)
        assert view is not None
        assert len(view.images[0].variants) == 2


def test_the_same_bytes_twice_in_one_job_are_written_once(database: Database) -> None:
    mine = claimed(database, submitted(database, "a", "b").job_id)

    record(database, mine, [done(image, "same") for image in mine.images])

    assert (count(database, "originals"), count(database, "variants")) == (1, 2)


def test_bytes_that_come_twice_in_one_job_are_created_once(database: Database) -> None:
    mine = claimed(database, submitted(database, "a", "b", "c").job_id)
    first, second, third = mine.images

    record(database, mine, [done(third, "same"), done(second, "other"), done(first, "same")])

    assert [row.outcome for row in outcome_rows(database, mine.job_id)] == [
        Outcome.CREATED,
        Outcome.CREATED,
        Outcome.DEDUPLICATED,
    ]


def test_images_are_shown_while_others_of_their_job_are_being_made(database: Database) -> None:
    job = submitted(database, "a", "b", "c", sku="S-1")
    mine = claimed(database, job.job_id)
    first, second, third = mine.images

    assert record_images(database, mine, [done(second, "x"), failed(third)])

    view, product = read_job(database, job.job_id), read_product(database, job.product_id)
    assert view is not None
    assert product is not None
    for images in (view.images, product.images):
        assert [image.state for image in images] == [
            ImageState.PROCESSING,
            ImageState.READY,
            ImageState.FAILED,
        ]
    assert job_row(database, job.job_id).state is JobState.RUNNING
    assert record(database, mine, [done(first, "y")]) is JobState.PARTIAL


def test_the_next_attempt_makes_only_what_was_not_recorded_before(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")
    mine = claimed(database, job.job_id)
    record_images(database, mine, [done(mine.images[0], "x")])
    expire(database, job.job_id)

    second = claimed(database, job.job_id, owner=ELSEWHERE)

    assert [image.position for image in second.images] == [1]
    assert record(database, second, [done(second.images[0], "y")]) is JobState.READY


def test_an_attempt_that_lost_its_job_records_no_image_any_more(database: Database) -> None:
    job = submitted(database, "a", "b")
    mine = claimed(database, job.job_id)
    expire(database, job.job_id)
    claimed(database, job.job_id, owner=ELSEWHERE)

    with pytest.raises(LostClaim):
        record_images(database, mine, [done(mine.images[0], "x")])

    assert {row.finished_at for row in outcome_rows(database, job.job_id)} == {None}


def test_bytes_that_were_recorded_with_an_image_before_are_not_created_again(
    database: Database,
) -> None:
    mine = claimed(database, submitted(database, "a", "b").job_id)
    first, second = mine.images
    for _ in range(2):  # the answer of the first time never came
        record_images(database, mine, [done(second, "same")])

    record(database, mine, [done(first, "same")])

    assert [row.outcome for row in outcome_rows(database, mine.job_id)] == [
        Outcome.DEDUPLICATED,
        Outcome.CREATED,
    ]


@pytest.mark.parametrize("late", [done, failed])
def test_an_older_job_that_records_late_does_not_replace_what_a_newer_one_made(
    database: Database, late: Callable[[ClaimedImage, str], ImageResult]
) -> None:
    older = claimed(database, submitted(database, "a", sku="S-1").job_id)
    newer = claimed(database, submitted(database, "a", sku="S-1").job_id)
    record(database, newer, [done(newer.images[0], "new")])
    before = image_rows(database, newer.product_id)

    record(database, older, [late(older.images[0], "old")])

    (shown,) = image_rows(database, newer.product_id)
    assert (shown.state, shown.original_sha256) == (ImageState.READY, sha256_of("new"))
    assert (shown.error_code, shown.claimed_at) == (None, newer.claimed_at)
    assert shown.updated_at == before[0].updated_at
    assert outcome_rows(database, older.job_id)[0].finished_at is not None


def test_a_newer_job_replaces_what_an_older_one_made_in_time(database: Database) -> None:
    older = claimed(database, submitted(database, "a", sku="S-1").job_id)
    newer = claimed(database, submitted(database, "a", sku="S-1").job_id)

    for mine, content in ((older, "old"), (newer, "new")):
        record(database, mine, [done(mine.images[0], content)])
        (shown,) = image_rows(database, mine.product_id)
        assert shown.original_sha256 == sha256_of(content)
        assert shown.claimed_at == mine.claimed_at


def test_an_attempt_counts_as_new_from_its_claim_not_from_its_job(database: Database) -> None:
    job = submitted(database, "a", sku="S-1")
    newer = claimed(database, submitted(database, "a", sku="S-1").job_id)
    record(database, newer, [done(newer.images[0], "new")])
    mine = claimed(database, job.job_id)

    record(database, mine, [done(mine.images[0], "newest")])

    (shown,) = image_rows(database, job.product_id)
    assert shown.original_sha256 == sha256_of("newest")


def test_a_job_is_recorded_once_only(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    record(database, mine, [done(mine.images[0], "x")])

    with pytest.raises(LostClaim) as loss:
        record(database, mine, [failed(mine.images[0])])

    assert loss.value.code == ErrorCode.LOST_CLAIM
    assert job_row(database, mine.job_id).state is JobState.READY


def test_an_old_job_keeps_its_own_outcome_when_a_later_one_changes_the_image(
    database: Database,
) -> None:
    old = finished(database, "a", sku="S-1")
    before = read_job(database, old.job_id)
    for content in ("changed", None):
        later = claimed(database, submitted(database, "a", sku="S-1").job_id)
        (image,) = later.images
        record(database, later, [failed(image) if content is None else done(image, content)])

    assert read_job(database, old.job_id) == before
    (shown,) = image_rows(database, old.product_id)
    assert (shown.state, shown.original_sha256) == (ImageState.FAILED, sha256_of("changed"))


def test_the_outcome_tells_how_an_image_became_ready(database: Database) -> None:
    finished(database, "a", sku="S-1")
    for outcome in (Outcome.UNCHANGED, Outcome.DEDUPLICATED):
        mine = claimed(database, submitted(database, "a", sku="S-1").job_id)
        record(database, mine, [done(mine.images[0], "a", outcome)])

        (row,) = outcome_rows(database, mine.job_id)
        assert (row.outcome, row.state) == (outcome, ImageState.READY)
        assert (row.original_sha256, row.fingerprint) == (sha256_of("a"), FINGERPRINT)


def test_a_success_clears_the_error_of_an_earlier_job(database: Database) -> None:
    job = submitted(database, "a", sku="S-1")
    mine = claimed(database, job.job_id)
    record(database, mine, [failed(mine.images[0])])

    finished(database, "a", sku="S-1")

    (image,) = image_rows(database, job.product_id)
    assert (image.state, image.error_code, image.error_detail) == (ImageState.READY, None, None)


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_made_of_a_source_that_was_replaced_meanwhile_is_not_shown(
    database: Database, *, fails: bool
) -> None:
    job = submitted(database, "a", "b", sku="S-1")
    mine = claimed(database, job.job_id)
    first, second = mine.images
    new = Submission(preset="", urls=(url("new"),))
    replaced = replace_image(database, job.product_id, first.id, submission=new)

    late = failed(first) if fails else done(first, "old")
    assert record(database, mine, [late, done(second, "b")]) is JobState.QUEUED

    shown, other = image_rows(database, job.product_id)
    assert (shown.source_url, shown.original_sha256) == (url("new"), None)
    assert shown.state is ImageState.QUEUED
    assert other.state is ImageState.READY
    change(database, job.job_id, "not_before = NULL")
    for job_id in (replaced.job_id, job.job_id):
        assert job_id is not None
        again = claimed(database, job_id)
        assert [(image.id, image.source_url) for image in again.images] == [(first.id, url("new"))]
        assert record(database, again, [done(again.images[0], "new")]) is JobState.READY


def test_what_was_cropped_around_another_point_meanwhile_is_made_again(database: Database) -> None:
    job = submitted(database, "a", sku="S-1")
    mine = claimed(database, job.job_id)
    (image,) = mine.images
    fields = ImageFields(frozenset({"focus"}), focus=(0.5, 0.25))
    change_image(database, job.product_id, image.id, fields=fields, presets=packaged_presets())

    assert record(database, mine, [done(image, "a")]) is JobState.QUEUED

    change(database, job.job_id, "not_before = NULL")
    again = claimed(database, job.job_id)
    assert [each.focus for each in again.images] == [(0.5, 0.25)]
    assert record(database, again, [done(again.images[0], "a")]) is JobState.READY
