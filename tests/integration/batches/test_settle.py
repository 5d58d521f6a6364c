"""When a batch is final, what it is then, and what is shown on the way."""

from functools import partial

import pytest

from infra.contract.errors import Rejected
from infra.contract.states import BatchState
from infra.db.engine import Database
from infra.db.ids import new_id
from tasks.batches.read import read_batch
from tasks.batches.settle import settle_batch
from tasks.imports.plan import plan_some
from tasks.imports.row import ImportPolicy
from tests.integration.batches.stage import Work, fail, half, make, seen, told, waiting, work
from tests.integration.database.fresh import execute
from tests.integration.imports.files import batch_row, catalogue, imported, planned
from tests.integration.tasks.job_rows import at_once

CALLBACK = "https://shop.example/done"


@pytest.mark.parametrize(
    ("ways", "policy", "state"),
    [
        ((make, make), ImportPolicy.REJECT_ROWS, BatchState.READY),
        ((make, fail), ImportPolicy.REJECT_ROWS, BatchState.PARTIAL),
        ((half, half), ImportPolicy.REJECT_ROWS, BatchState.PARTIAL),
        ((fail, fail), ImportPolicy.REJECT_ROWS, BatchState.FAILED),
        ((make, fail), ImportPolicy.IGNORE_FAILED, BatchState.READY),
        ((half, fail), ImportPolicy.IGNORE_FAILED, BatchState.READY),
        ((fail, fail), ImportPolicy.IGNORE_FAILED, BatchState.FAILED),
        ((), ImportPolicy.REJECT_ALL, BatchState.READY),
    ],
)
def test_a_batch_is_what_its_jobs_add_up_to(
    database: Database, ways: tuple[Work, ...], policy: ImportPolicy, state: BatchState
) -> None:
    csv = catalogue(len(ways), images=2) if ways else "sku\nA\n"
    batch_id = planned(database, csv, policy=policy)
    if ways:
        assert settle_batch(database, batch_id) is BatchState.RUNNING
    work(database, batch_id, ways)

    assert settle_batch(database, batch_id) is state
    assert batch_row(database, batch_id).finished_at is not None


def test_a_batch_that_is_not_planned_is_not_over(database: Database) -> None:
    batch_id = imported(database, catalogue(2))
    plan_some(database, batch_id, limit=1)
    work(database, batch_id, [make])

    assert settle_batch(database, batch_id) is BatchState.RUNNING


def test_the_end_is_told_once_however_often_and_by_whom_it_is_settled(database: Database) -> None:
    batch_id = planned(database, catalogue(2), callback_url=CALLBACK)
    work(database, batch_id, [make, fail])

    assert at_once([partial(settle_batch, database, batch_id)] * 8) == [BatchState.PARTIAL] * 8

    (message,) = told(database, "batch.finished")
    assert message == {
        "batch_id": str(batch_id),
        "state": "partial",
        "counts": {
            **dict.fromkeys(("queued", "running", "partial", "cancelled"), 0),
            "ready": 1,
            "failed": 1,
        },
        "url": f"/batches/{batch_id}",
    }


def test_a_batch_ends_once_while_its_last_jobs_end_at_once(database: Database) -> None:
    batch_id = planned(database, catalogue(8), callback_url=CALLBACK)

    def end(job_id: object) -> BatchState:
        make(database, job_id)  # type: ignore[arg-type]  # ids of rows
        return settle_batch(database, batch_id)

    found = at_once(partial(end, job.id) for job in waiting(database, batch_id))

    assert BatchState.READY in found
    assert len(told(database, "batch.finished")) == 1


def test_progress_is_the_share_of_jobs_that_have_ended(database: Database) -> None:
    batch_id = imported(database, catalogue(4) + "\nX,Only,,,\nY,,,,nonsense")
    assert (seen(database, batch_id).progress, seen(database, batch_id).total) == (0, 4)
    plan_some(database, batch_id, limit=2)
    work(database, batch_id, [make])

    view = seen(database, batch_id)
    assert (view.progress, view.total, view.planned) == (0.25, 4, False)
    assert (view.counts["queued"], view.counts["ready"], len(view.counts)) == (1, 1, 6)
    assert view.rows is not None
    assert (view.rows.total, view.rows.accepted, view.rows.rejected) == (6, 5, 1)

    plan_some(database, batch_id, limit=9)
    work(database, batch_id, [make] * 9)
    settle_batch(database, batch_id)
    view = seen(database, batch_id)
    assert (view.progress, view.total, view.planned) == (1, 4, True)


def test_deleted_products_take_their_jobs_out_of_the_count(database: Database) -> None:
    batch_id = planned(database, catalogue(3))
    execute(database, "DELETE FROM products WHERE sku = 'S-000001'")

    assert seen(database, batch_id).total == 2
    work(database, batch_id, [make, make])
    assert settle_batch(database, batch_id) is BatchState.READY


def test_an_unknown_batch_is_not_found(database: Database) -> None:
    assert read_batch(database, new_id()) is None
    with pytest.raises(Rejected) as refusal:
        settle_batch(database, new_id())
    assert refusal.value.status == 404
