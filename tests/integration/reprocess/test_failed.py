"""Images that failed for good: no night takes them again, but a person may."""

import pytest

from infra.contract.states import ImageState
from infra.db.engine import Database
from tasks.imaging.presets.catalogue import Presets
from tasks.jobs.claim import Claim
from tasks.jobs.record import record
from tasks.reprocess.estimate import estimate
from tasks.reprocess.selector import Selector
from tasks.submission.submit import Submission, Submitted, submit
from tasks.submission.uploads import Upload
from tests.integration.reprocess.catalogue import (
    PRESETS,
    begun,
    jobs_of,
    made,
    publish,
    run,
)
from tests.integration.tasks.job_rows import claimed, failed, image_rows, sha256_of

NIGHTLY = Selector(limit=100)


def uploaded(database: Database, name: str = "file") -> Submitted:
    """Submit a file that is in the store."""
    sha256 = sha256_of(name)
    file = Upload(sha256, f"originals/{sha256}.png", "png", "image/png", 7)
    return submit(database, Submission("web", uploads=(file,), sku="S-1"))


def refused(database: Database, code: str = "corrupt", *, retryable: bool = False) -> Submitted:
    """Submit a file that cannot be made."""
    job = uploaded(database)
    fail(database, claimed(database, job.job_id), code, retryable=retryable)
    return job


def fail(
    database: Database, mine: Claim, code: str = "corrupt", *, retryable: bool = False
) -> None:
    record(database, mine, [failed(image, code, retryable=retryable) for image in mine.images])


def taken(
    database: Database, selector: Selector = NIGHTLY, presets: Presets = PRESETS
) -> list[Claim]:
    """Begin what a selection takes; return its claimed jobs."""
    batch_id = begun(database, selector, presets).batch_id
    jobs = [] if batch_id is None else jobs_of(database, batch_id)
    return [claimed(database, job.id) for job in jobs]


def test_an_upload_that_failed_for_good_is_taken_by_no_night(database: Database) -> None:
    refused(database)

    assert [taken(database), taken(database)] == [[], []]


def test_a_changed_preset_has_it_tried_once_more_and_once_only(database: Database) -> None:
    refused(database)
    presets = publish(database, "web")

    (mine,) = taken(database, presets=presets)
    assert [image.stored_key for image in mine.images] == [f"originals/{sha256_of('file')}.png"]
    fail(database, mine)

    assert taken(database, presets=presets) == []


def test_a_change_of_another_preset_is_none_of_its_business(database: Database) -> None:
    refused(database)

    assert taken(database, presets=publish(database, "thumbnail")) == []


def test_a_stored_original_that_cannot_be_made_again_is_tried_once_per_change(
    database: Database,
) -> None:
    product = made(database, "a", sku="S-1")
    presets = publish(database, "web")
    (mine,) = taken(database, presets=presets)
    fail(database, mine, "original_missing")

    assert taken(database, presets=presets) == []
    assert image_rows(database, product)[0].state is ImageState.READY
    assert len(taken(database, presets=publish(database))) == 0  # back: it shows what it ought to
    assert len(taken(database, presets=publish(database, "web"))) == 1


def test_a_supplier_s_refusal_does_not_keep_the_stored_original_from_being_made(
    database: Database,
) -> None:
    made(database, "a", sku="S-1")
    presets = publish(database, "web")
    (asked,) = taken(database, Selector(refetch=True), presets)
    fail(database, asked, "http_404")

    assert len(taken(database, presets=presets)) == 1


def test_what_may_work_another_time_is_taken_for_three_nights(database: Database) -> None:
    refused(database, "decoder_crashed", retryable=True)

    for _ in range(2):
        (mine,) = taken(database)
        fail(database, mine, "decoder_crashed", retryable=True)

    assert taken(database) == []


def test_what_somebody_cancelled_was_not_tried(database: Database) -> None:
    made(database, "a", sku="S-1")
    presets = publish(database, "web")
    for _ in range(3):
        (mine,) = taken(database, presets=presets)
        fail(database, mine, "cancelled", retryable=True)

    assert len(taken(database, presets=presets)) == 1


def test_no_night_makes_an_upload_that_somebody_cancelled(database: Database) -> None:
    refused(database, "cancelled", retryable=True)

    assert taken(database) == []


@pytest.mark.parametrize(
    "selector",
    [
        Selector(failed_with="corrupt"),
        Selector(force=True),
        Selector(stale=False),
        Selector(refetch=True),
    ],
)
def test_a_person_reaches_what_failed_for_good(database: Database, selector: Selector) -> None:
    refused(database)

    assert len(taken(database, selector)) == 1


def test_ids_reach_what_failed_for_good(database: Database) -> None:
    product = refused(database).product_id
    (image,) = image_rows(database, product)

    for selector in (Selector(image_ids=(image.id,)), Selector(product_ids=(product,))):
        (mine,) = taken(database, selector)
        fail(database, mine)


def test_an_upload_without_a_stored_file_counts_as_without_original(database: Database) -> None:
    refused(database)
    run(database, "DELETE FROM originals")

    found = estimate(database, Selector(force=True), PRESETS)

    assert (found.images, found.without_original) == (0, 1)
