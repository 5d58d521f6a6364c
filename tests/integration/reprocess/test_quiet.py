"""Quiet jobs: what an image shows stays until it was made, whatever becomes of the job."""

from dataclasses import replace

from infra.contract.states import ImageState, JobState, Outcome, ProductState
from infra.db.engine import Database
from tasks.jobs.cancel import cancel
from tasks.jobs.claim import Claim
from tasks.jobs.end_early import Ending, end_early
from tasks.jobs.record import record
from tasks.jobs.retry import retry
from tasks.products.read import read_product
from tasks.reprocess.selector import Selector
from tasks.steps.reuse import reuse_stored
from tests.integration.reprocess.catalogue import (
    begun,
    fingerprint,
    jobs_of,
    made,
    publish,
)
from tests.integration.tasks.job_rows import (
    claimed,
    done,
    failed,
    image_rows,
    job_row,
    sha256_of,
    submitted,
    url,
)

NEWER = "e" * 16


def reprocessing(database: Database, **fields: object) -> Claim:
    """Claim the one job of a batch for what is stale."""
    presets = publish(database, "web")
    started = begun(database, Selector.of(dict(fields)), presets)
    assert started.batch_id is not None
    (job,) = jobs_of(database, started.batch_id)
    return claimed(database, job.id)


def test_a_claimed_image_is_read_from_the_store_and_stays_ready(database: Database) -> None:
    product = made(database, "a", sku="S-1")

    mine = reprocessing(database)

    (image,) = mine.images
    assert (mine.from_stored, mine.quiet) == (True, True)
    assert image.stored_key == f"originals/{sha256_of(url('a'))}.jpg"
    view = read_product(database, product)
    assert view is not None
    assert view.head.state is ProductState.READY
    assert view.images[0].variants


def test_old_variants_are_shown_until_the_new_ones_are_recorded(database: Database) -> None:
    product = made(database, "a", sku="S-1")
    mine = reprocessing(database)
    assert image_rows(database, product)[0].fingerprint == fingerprint()

    made_again = replace(done(mine.images[0], url("a")), fingerprint=NEWER)
    assert record(database, mine, [made_again]) is JobState.READY

    (image,) = image_rows(database, product)
    assert (image.fingerprint, image.state) == (NEWER, ImageState.READY)
    view = read_product(database, product)
    assert view is not None
    assert len(view.images[0].variants) == 2


def test_a_failure_is_the_jobs_own_and_the_image_stays_ready(database: Database) -> None:
    product = made(database, "a", sku="S-1")
    mine = reprocessing(database)

    assert record(database, mine, [failed(mine.images[0], "corrupt")]) is JobState.FAILED

    (image,) = image_rows(database, product)
    assert (image.state, image.error_code) == (ImageState.READY, None)
    assert image.fingerprint == fingerprint()


def test_cancelling_and_retrying_leave_the_image_ready(database: Database) -> None:
    product = made(database, "a", sku="S-1")
    mine = reprocessing(database)
    cancel(database, mine.job_id)
    end_early(database, mine, [], ending=Ending.CANCELLED)
    assert job_row(database, mine.job_id).state is JobState.CANCELLED

    retry(database, mine.job_id)

    assert image_rows(database, product)[0].state is ImageState.READY
    assert claimed(database, mine.job_id).images == mine.images


def test_a_picture_that_arrived_meanwhile_is_not_replaced_by_the_stored_one(
    database: Database,
) -> None:
    product = made(database, "a", sku="S-1")
    newer = claimed(database, submitted(database, "a", sku="S-1").job_id)
    mine = reprocessing(database, force=True)

    record(database, newer, [done(newer.images[0], "new bytes")])
    record(database, mine, [replace(done(mine.images[0], url("a")), fingerprint=NEWER)])

    assert image_rows(database, product)[0].original_sha256 == sha256_of("new bytes")


def test_a_job_that_asked_its_supplier_wins_over_a_reprocess_that_was_claimed_later(
    database: Database,
) -> None:
    product = made(database, "a", sku="S-1")
    newer = claimed(database, submitted(database, "a", sku="S-1").job_id)
    mine = reprocessing(database, force=True)

    record(database, mine, [replace(done(mine.images[0], url("a")), fingerprint=NEWER)])
    assert image_rows(database, product)[0].state is ImageState.PROCESSING
    record(database, newer, [done(newer.images[0], "new bytes")])

    (image,) = image_rows(database, product)
    assert (image.original_sha256, image.state) == (sha256_of("new bytes"), ImageState.READY)


def test_a_cancelled_upload_does_not_wait_for_a_quiet_job(database: Database) -> None:
    product = made(database, "a", sku="S-1")
    reprocessing(database)
    upload = submitted(database, "a", sku="S-1")

    cancel(database, upload.job_id)

    assert image_rows(database, product)[0].error_code == "cancelled"


def test_known_variants_of_what_is_shown_are_reused_without_reading(database: Database) -> None:
    made(database, "a", sku="S-1", by=NEWER)
    mine = reprocessing(database)
    image = mine.images[0]

    same = reuse_stored(database, image, NEWER)
    elsewhere = reuse_stored(database, replace(image, current_fingerprint="0" * 16), NEWER)

    assert same is not None
    assert (same.outcome, same.source_bytes) == (Outcome.UNCHANGED, 1000)
    assert elsewhere is not None
    assert elsewhere.outcome is Outcome.DEDUPLICATED
    assert reuse_stored(database, image, "0" * 16) is None
