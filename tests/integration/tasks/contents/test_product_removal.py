"""Products that are deleted, or lose images, while others work on them or show the same bytes."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from infra.contract.errors import LostClaim, Rejected, ServiceUnavailable
from infra.contract.states import ImageState, JobState, Outcome
from infra.db.engine import Database
from infra.db.models.catalogue import Original, Variant
from infra.db.models.jobs import Job
from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings
from infra.stack.stack import Stack
from tasks.contents import remove
from tasks.contents.remove import remove_requested
from tasks.jobs.claim import claim
from tasks.jobs.lease import Unclaimed
from tasks.jobs.record import record
from tasks.products.delete import delete
from tasks.products.fields import Picture
from tasks.products.set_images import set_images
from tasks.submission.submit import Submission
from tests.integration.database.fresh import execute
from tests.integration.tasks.job_rows import (
    HERE,
    SETTINGS,
    at_once,
    change,
    claimed,
    count,
    done,
    finished,
    image_rows,
    job_row,
    sha256_of,
    submitted,
    url,
)

MAKING = Submission(preset="web")


class Killed(BaseException):
    """The process ends here."""


class Dying(ObjectStore):
    """Kills its process right before or after it removes objects."""

    def __init__(self, store: ObjectStore, *, after: bool) -> None:
        super().__init__(StoreSettings(endpoint="x", access_key="x", secret_key="x"))
        self._store, self._after = store, after

    def remove_many(self, keys: Sequence[str]) -> None:
        if self._after:
            self._store.remove_many(keys)
        raise Killed


@pytest.fixture
def store(stack: Stack) -> Iterator[ObjectStore]:
    description = stack.description
    settings = StoreSettings(
        endpoint=description.s3_endpoint,
        access_key=description.s3_access_key,
        secret_key=description.s3_secret_key,
        bucket=description.s3_bucket,
    )
    with ObjectStore(settings) as opened:
        yield opened


def keys_of(database: Database, content: str) -> list[str]:
    sha256 = sha256_of(content)
    with database.transaction() as session:
        variants = session.scalars(
            select(Variant.object_key).where(Variant.original_sha256 == sha256)
        )
        original = session.scalars(select(Original.object_key).where(Original.sha256 == sha256))
        return [*variants, *original]


def put_objects(store: ObjectStore, keys: list[str], directory: Path) -> None:
    file = directory / "object"
    file.write_bytes(b"bytes")
    for key in keys:
        store.put_verified(key, file, media_type="image/webp")


def exists(store: ObjectStore, key: str, directory: Path) -> bool:
    return store.get(key, directory / "read") is not None


def test_a_deleted_product_takes_rows_and_objects_that_only_it_referred_to(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    product = finished(database, "mine", "shared", sku="S-1").product_id
    finished(database, "shared", sku="S-2")
    mine, shared = keys_of(database, "mine"), keys_of(database, "shared")
    put_objects(store, mine + shared, tmp_path)

    delete(database, product)
    assert all(exists(store, key, tmp_path) for key in mine)  # nobody waited for the store
    assert count(database, "removals") == len(mine)
    assert remove_requested(database, store) == len(mine)

    assert count(database, "removals") == 0
    assert not any(exists(store, key, tmp_path) for key in mine)
    assert all(exists(store, key, tmp_path) for key in shared)
    assert keys_of(database, "shared") == shared
    assert (count(database, "products"), count(database, "jobs")) == (1, 1)
    with pytest.raises(Rejected, match="There is no product"):
        delete(database, product)


def test_a_worker_that_records_after_the_deletion_finds_its_claim_lost(
    database: Database, store: ObjectStore
) -> None:
    job = submitted(database, "a")
    mine = claimed(database, job.job_id)

    delete(database, job.product_id)

    with pytest.raises(LostClaim):
        record(database, mine, [done(mine.images[0], "a")])
    assert [count(database, table) for table in ("products", "images", "originals")] == [0, 0, 0]
    again = claim(database, job.job_id, owner=HERE, settings=SETTINGS)
    assert again is Unclaimed.ABSENT


def test_a_removed_image_is_not_revived_by_a_late_result(
    database: Database, store: ObjectStore
) -> None:
    job = submitted(database, "a", "b")
    mine = claimed(database, job.job_id)

    set_images(database, job.product_id, pictures=[Picture(url("b"))], submission=MAKING)
    state = record(database, mine, [done(image, image.source_url) for image in mine.images])

    assert state is JobState.READY
    shown = [(image.source_url, image.state) for image in image_rows(database, job.product_id)]
    assert shown == [(url("b"), ImageState.READY)]


def test_a_running_job_without_images_left_is_asked_to_end(
    database: Database, store: ObjectStore
) -> None:
    job = submitted(database, "a")
    claimed(database, job.job_id)

    set_images(database, job.product_id, pictures=[], submission=MAKING)

    assert job_row(database, job.job_id).cancel_requested_at is not None


@pytest.mark.parametrize("outcome", [Outcome.CREATED, Outcome.DEDUPLICATED])
def test_a_result_whose_objects_were_removed_meanwhile_is_not_announced(
    database: Database, store: ObjectStore, outcome: Outcome
) -> None:
    product = finished(database, "same", sku="S-1").product_id
    job = submitted(database, "other", sku="S-2")
    mine = claimed(database, job.job_id)  # it has stored, or found, the same bytes by now

    delete(database, product)
    before = job_row(database, job.job_id)
    state = record(database, mine, [done(mine.images[0], "same", outcome)])

    (image,) = image_rows(database, job.product_id)
    after = job_row(database, job.job_id)
    assert (state, image.state, image.error_code) == (JobState.QUEUED, ImageState.QUEUED, None)
    assert (after.attempts, before.attempts) == (0, 1)  # no fault of the job
    assert after.dispatched_at is None
    assert after.not_before is not None

    change(database, job.job_id, "not_before = now()")
    again = claimed(database, job.job_id)
    assert record(database, again, [done(again.images[0], "same")]) is JobState.READY
    assert len(keys_of(database, "same")) == 3
    assert remove_requested(database, store) == 0  # what was to be removed is shown again
    assert count(database, "removals") == 0


def test_variants_that_were_found_while_their_deletion_was_written_are_not_announced(
    database: Database, store: ObjectStore
) -> None:
    product = finished(database, "same", sku="S-1").product_id
    job = submitted(database, "other", sku="S-2")
    delete(database, product)
    mine = claimed(database, job.job_id)  # it looked before the deletion had committed

    state = record(database, mine, [done(mine.images[0], "same", Outcome.DEDUPLICATED)])

    (image,) = image_rows(database, job.product_id)
    assert (state, image.state, image.fingerprint) == (JobState.QUEUED, ImageState.QUEUED, None)


def test_bytes_that_were_removed_can_be_made_again(database: Database, store: ObjectStore) -> None:
    delete(database, finished(database, "same", sku="S-1").product_id)

    job = finished(database, "same", sku="S-2")

    assert job_row(database, job.job_id).state is JobState.READY
    assert len(keys_of(database, "same")) == 3
    with database.transaction() as session:
        assert session.scalars(select(Original.removed_until)).all() == [None]


def test_a_store_that_is_away_is_asked_again_for_the_objects_of_a_deleted_product(
    database: Database, store: ObjectStore, tmp_path: Path
) -> None:
    nowhere = StoreSettings(
        endpoint="http://127.0.0.1:9", access_key="x", secret_key="x", bucket="nowhere"
    )
    product = finished(database, "a").product_id
    keys = keys_of(database, "a")
    put_objects(store, keys, tmp_path)

    delete(database, product)
    with ObjectStore(nowhere) as away, pytest.raises(ServiceUnavailable):
        remove_requested(database, away)
    assert remove_requested(database, store) == 0  # it may still be at it
    execute(database, "UPDATE retirements SET removed_until = now()")  # as time does

    assert remove_requested(database, store) == len(keys)
    assert not any(exists(store, key, tmp_path) for key in keys)
    assert count(database, "products") == count(database, "removals") == 0


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_is_killed_while_it_removes_leaves_the_rest_to_another(
    database: Database, store: ObjectStore, tmp_path: Path, *, after: bool
) -> None:
    delete(database, finished(database, "a", sku="S-1").product_id)
    with Dying(store, after=after) as dying, pytest.raises(Killed):
        remove_requested(database, dying)
    assert count(database, "removals") == 3
    execute(database, "UPDATE retirements SET removed_until = now()")  # as time does
    finished(database, "a", sku="S-2")  # made anew before the other process begins
    put_objects(store, keys_of(database, "a"), tmp_path)

    assert remove_requested(database, store) == 0

    assert count(database, "removals") == 0
    assert all(exists(store, key, tmp_path) for key in keys_of(database, "a"))


def test_requests_behind_a_folder_that_another_process_is_removing_do_not_wait_for_it(
    database: Database, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete(database, finished(database, "a", sku="S-1").product_id)
    with Dying(store, after=False) as dying, pytest.raises(Killed):
        remove_requested(database, dying)
    delete(database, finished(database, "b", sku="S-2").product_id)
    monkeypatch.setattr(remove, "MOST_AT_ONCE", 1)

    assert [remove_requested(database, store) for _ in range(4)] == [1, 1, 1, 0]
    assert count(database, "removals") == 3


def test_a_process_that_freezes_before_it_removes_leaves_the_objects_alone(
    database: Database, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = finished(database, "a").product_id
    keys = keys_of(database, "a")
    put_objects(store, keys, tmp_path)
    delete(database, product)
    clock = iter((0.0, 121.0))  # meanwhile others may have made them anew
    monkeypatch.setattr(remove, "monotonic", lambda: next(clock))

    with pytest.raises(ServiceUnavailable):
        remove_requested(database, store)

    assert all(exists(store, key, tmp_path) for key in keys)
    assert count(database, "removals") == len(keys)


def test_deleting_submitting_and_claiming_at_once_all_end_well(
    database: Database, store: ObjectStore
) -> None:
    for number in range(8):
        sku = f"S-{number}"
        job = submitted(database, "a", "b", sku=sku)
        calls: list[Callable[[], object]] = [
            partial(delete, database, job.product_id),
            partial(submitted, database, "b", "c", sku=sku),
            partial(claim, database, job.job_id, owner=HERE, settings=SETTINGS),
        ]
        at_once(calls)
    with database.transaction() as session:
        products = set(session.scalars(select(Job.product_id)))
    assert all(len(image_rows(database, product)) >= 2 for product in products)
