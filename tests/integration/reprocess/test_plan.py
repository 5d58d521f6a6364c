"""Plans that are interrupted, capped, cancelled, made twice at once, or overtaken by uploads."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import Engine, event

from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.db.ids import new_id
from tasks.imaging.presets.catalogue import Presets
from tasks.reprocess import plan
from tasks.reprocess.plan import plan_some
from tasks.reprocess.selector import Selector
from tasks.reprocess.start import Origin, start
from tests.integration.reprocess.catalogue import (
    PRESETS,
    batch_row,
    jobs_of,
    made,
    planned,
    publish,
    run,
    sources_of,
)
from tests.integration.tasks.job_rows import at_once, image_rows, outcome_rows, submitted


def stale(database: Database, products: int) -> Presets:
    """Make products of two images each, then change their preset."""
    for number in range(products):
        made(database, f"{number:03}-a", f"{number:03}-b", sku=f"S-{number}")
    return publish(database, "web")


def started(database: Database, presets: Presets, **fields: object) -> UUID:
    batch_id = start(database, Selector.of(dict(fields)), presets).batch_id
    assert batch_id is not None
    return batch_id


@contextmanager
def dying() -> Iterator[None]:
    """Interrupt the next plan when all of it is written and nothing committed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan._Cursor, "written", interrupted)
        yield


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield what is executed meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def interrupted(_: object) -> None:
    raise KeyboardInterrupt


def test_a_plan_has_one_quiet_bulk_job_per_product_that_asks_no_supplier(
    database: Database,
) -> None:
    batch_id = started(database, stale(database, 3))

    assert planned(database, batch_id) == 3

    jobs = jobs_of(database, batch_id)
    assert [job.batch_position for job in jobs] == [0, 1, 2]
    for job in jobs:
        assert (job.lane, job.state, job.preset) == (Lane.BULK, JobState.QUEUED, "web")
        assert (job.from_stored, job.force, job.quiet) == (True, False, True)
        assert (job.chunk_id, job.dispatched_at) == (None, None)
        assert [image.position for image in outcome_rows(database, job.id)] == [0, 1]
        assert {image.state for image in image_rows(database, job.product_id)} == {"ready"}
    assert batch_row(database, batch_id).planned_at is not None


def test_a_plan_goes_on_where_it_was_and_no_image_is_planned_twice(database: Database) -> None:
    batch_id = started(database, stale(database, 5))

    assert plan_some(database, batch_id, limit=2) == 2
    assert batch_row(database, batch_id).planned_at is None
    assert planned(database, batch_id, limit=2) == 3

    sources = sources_of(database, batch_id)
    assert len(sources) == len(set(sources)) == 10
    assert [job.batch_position for job in jobs_of(database, batch_id)] == [*range(5)]


def test_a_slice_that_was_not_committed_is_planned_again(database: Database) -> None:
    batch_id = started(database, stale(database, 3))
    plan_some(database, batch_id, limit=1)
    cursor = batch_row(database, batch_id).plan_cursor

    with pytest.raises(KeyboardInterrupt), dying():  # before the commit
        plan_some(database, batch_id, limit=1)

    assert batch_row(database, batch_id).plan_cursor == cursor
    assert planned(database, batch_id) == 2


def test_a_slice_takes_as_many_statements_with_many_products_as_with_one(
    database: Database,
) -> None:
    batch_id = started(database, stale(database, 12))

    with statements() as few:
        assert plan_some(database, batch_id, limit=1) == 1
    with statements() as many:
        assert plan_some(database, batch_id, limit=10) == 10

    assert len(few) == len(many)


def test_two_planners_at_once_share_the_work(database: Database) -> None:
    batch_id = started(database, stale(database, 8))

    counts = at_once([lambda: planned(database, batch_id, limit=1)] * 2)

    assert sum(counts) == 8
    assert len(sources_of(database, batch_id)) == 16


def test_two_equal_batches_make_each_image_once(database: Database) -> None:
    presets = stale(database, 4)
    batches = [started(database, presets) for _ in range(2)]

    for batch_id in batches:
        planned(database, batch_id)

    assert sorted(len(sources_of(database, batch_id)) for batch_id in batches) == [0, 8]


def test_a_limit_ends_the_plan_behind_a_whole_product(database: Database) -> None:
    batch_id = started(database, stale(database, 4), limit=3)

    assert planned(database, batch_id, limit=1) == 2

    assert len(sources_of(database, batch_id)) == 4
    assert batch_row(database, batch_id).planned_at is not None


def test_a_batch_that_is_being_cancelled_is_not_planned_further(database: Database) -> None:
    batch_id = started(database, stale(database, 2))
    plan_some(database, batch_id, limit=1)
    run(database, "UPDATE batches SET cancel_requested_at = now()")

    assert plan_some(database, batch_id, limit=1) == 0
    assert batch_row(database, batch_id).planned_at is None


def test_uploads_and_removals_during_a_plan_do_not_stop_it(database: Database) -> None:
    batch_id = started(database, stale(database, 6))
    plan_some(database, batch_id, limit=2)
    gone = submitted(database, "new", sku="S-5").product_id
    run(database, "DELETE FROM products WHERE id = :id", id=gone)

    def post() -> int:
        for number in range(6):
            submitted(database, f"during-{number}", sku=f"S-{number}")
        return 0

    planned_jobs, _ = at_once([lambda: planned(database, batch_id, limit=1), post])

    assert planned_jobs == 3
    assert len(sources_of(database, batch_id)) == 10


def test_images_in_several_presets_become_a_job_for_each(database: Database) -> None:
    made(database, "a", sku="S-1")
    made(database, "b", sku="S-1", preset="thumbnail")
    batch_id = started(database, publish(database, "web", "thumbnail"))

    planned(database, batch_id, limit=1)

    jobs = jobs_of(database, batch_id)
    assert sorted(job.preset for job in jobs) == ["thumbnail", "web"]


def test_a_flow_run_finds_its_batch_again_whichever_run_shows_it_by_then(
    database: Database,
) -> None:
    made(database, "a", sku="S-1")
    origin = Origin(flow_run_id=new_id())
    first = start(database, Selector(force=True), PRESETS, origin=origin)
    run(database, "UPDATE batches SET flow_run_id = NULL, state = 'ready', finished_at = now()")

    again = start(database, Selector(force=True), PRESETS, origin=origin)

    assert (first.batch_id, first.replayed) == (origin.flow_run_id, False)
    assert (again.batch_id, again.replayed) == (origin.flow_run_id, True)
