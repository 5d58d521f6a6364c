"""Failed images are retried together: each once, whatever happens in between."""

from uuid import UUID

import pytest

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import ImageState
from infra.db.engine import Database
from tasks.batches.cancel import cancel_batch
from tasks.jobs.record import record
from tasks.reports.failures import read_failures
from tasks.reprocess.plan import plan_some
from tasks.reprocess.selector import Selector
from tasks.reprocess.start import start
from tests.integration.reprocess.catalogue import (
    PRESETS,
    fingerprint,
    finish,
    jobs_of,
    made,
    sources_of,
)
from tests.integration.reprocess.catalogue import planned as plan_all
from tests.integration.reprocess.test_plan import dying
from tests.integration.tasks.job_rows import at_once, claimed, failed, image_rows, submitted

ALL = Selector(failed=True, refetch=True)
HOST = "supplier.example"


def broken(database: Database, *names: str, code: str = "http_503") -> UUID:
    """Submit images of one product that fail; return the product."""
    job = submitted(database, *names, sku=f"S-{names[0]}")
    mine = claimed(database, job.job_id)
    record(database, mine, [failed(image, code, retryable=True) for image in mine.images])
    return job.product_id


def begun(database: Database, selector: Selector = ALL) -> UUID:
    batch_id = start(database, selector, PRESETS).batch_id
    assert batch_id is not None
    return batch_id


def states(database: Database, product_id: UUID) -> list[ImageState]:
    return [image.state for image in image_rows(database, product_id)]


def test_failures_are_counted_by_code_by_host_and_by_both(database: Database) -> None:
    broken(database, "a", "b")
    broken(database, "c", code="http_404")
    made(database, "ready", sku="S-ready")

    found = read_failures(database)

    assert found.images == 3
    assert [(g.code, g.host, g.images, g.products) for g in found.codes] == [
        ("http_503", None, 2, 1),
        ("http_404", None, 1, 1),
    ]
    assert [(g.code, g.host, g.images, g.products) for g in found.hosts] == [(None, HOST, 3, 2)]
    assert [(g.code, g.host, g.images) for g in found.groups] == [
        ("http_503", HOST, 2),
        ("http_404", HOST, 1),
    ]
    assert found.codes[0].retryable
    assert found.codes[0].detail


def test_what_failed_waits_again_and_asks_its_supplier(database: Database) -> None:
    product_id = broken(database, "a")
    other = broken(database, "b", code="http_404")
    made(database, "ready", sku="S-ready")

    batch_id = begun(database, Selector(failed=True, refetch=True, failed_with="http_503"))
    assert states(database, product_id) == [ImageState.FAILED]  # until it is planned
    plan_all(database, batch_id)

    assert sources_of(database, batch_id) == ["a"]
    assert states(database, product_id) == [ImageState.QUEUED]
    assert states(database, other) == [ImageState.FAILED]
    (job,) = jobs_of(database, batch_id)
    mine = claimed(database, job.id)
    assert (mine.from_stored, mine.images[0].stored_key) == (False, None)
    finish(database, mine, by=fingerprint())
    assert states(database, product_id) == [ImageState.READY]
    assert read_failures(database).images == 1


def test_an_image_that_fails_again_shows_the_new_reason(database: Database) -> None:
    product_id = broken(database, "a")
    batch_id = begun(database)
    plan_all(database, batch_id)
    mine = claimed(database, jobs_of(database, batch_id)[0].id)

    record(database, mine, [failed(image, "http_410") for image in mine.images])

    (image,) = image_rows(database, product_id)
    assert (image.state, image.error_code) == (ImageState.FAILED, "http_410")
    assert sources_of(database, plan_of_a_new(database)) == ["a"]


def plan_of_a_new(database: Database) -> UUID:
    """End the running batches, and plan a new one of all failures."""
    with database.transaction() as session:
        session.connection().exec_driver_sql(
            "UPDATE batches SET state = 'failed', finished_at = now() WHERE state = 'running'"
        )
    batch_id = begun(database)
    plan_all(database, batch_id)
    return batch_id


def test_a_plan_that_dies_in_the_middle_retries_each_image_once(database: Database) -> None:
    names = [f"{number}" for number in range(5)]
    products = [broken(database, name) for name in names]
    batch_id = begun(database)
    assert plan_some(database, batch_id, limit=2) == 2
    with dying(), pytest.raises(KeyboardInterrupt):
        plan_some(database, batch_id, limit=2)
    waiting = [states(database, product_id) for product_id in products]
    assert waiting.count([ImageState.QUEUED]) == 2  # nothing waits without a job

    plan_all(database, batch_id, limit=2)

    assert sources_of(database, batch_id) == names
    assert all(states(database, p) == [ImageState.QUEUED] for p in products)


def test_the_same_retry_is_one_batch_while_it_runs(database: Database) -> None:
    broken(database, "a")
    of_host = Selector(failed=True, refetch=True, host=HOST)

    found = at_once([lambda: start(database, ALL, PRESETS)] * 4)

    (batch_id,) = {each.batch_id for each in found}
    assert sorted(each.replayed for each in found) == [False, True, True, True]
    assert batch_id is not None
    second = begun(database, of_host)  # overlaps: whoever plans first has the image
    plan_all(database, batch_id)
    plan_all(database, second)
    assert (sources_of(database, batch_id), sources_of(database, second)) == (["a"], [])


def test_a_cancelled_retry_leaves_its_images_failed_and_to_be_retried(database: Database) -> None:
    product_id = broken(database, "a")
    batch_id = begun(database)
    plan_all(database, batch_id)

    cancel_batch(database, batch_id)

    (image,) = image_rows(database, product_id)
    assert (image.state, image.error_code) == (ImageState.FAILED, ErrorCode.CANCELLED)
    assert start(database, ALL, PRESETS).estimate.images == 1


def test_nothing_failed_starts_no_batch_and_an_unknown_host_is_refused(database: Database) -> None:
    made(database, "ready", sku="S-ready")

    assert start(database, ALL, PRESETS).batch_id is None
    for selector, code in (
        (Selector(failed=True, refetch=True, host="other.example"), ErrorCode.UNKNOWN_HOST),
        (
            Selector(failed=True, refetch=True, failed_with="http_42"),
            ErrorCode.UNKNOWN_ERROR_CODE,
        ),
    ):
        with pytest.raises(Rejected) as refused:
            start(database, selector, PRESETS)
        assert refused.value.code == code
