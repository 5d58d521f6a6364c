"""A retried batch makes what failed again and leaves alone what is ready."""

from functools import partial
from uuid import UUID, uuid4

import pytest

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.states import BatchState
from infra.db.engine import Database
from tasks.batches import retry as retrying
from tasks.batches.cancel import cancel_batch
from tasks.batches.lead import Leader, lead, lead_waiting
from tasks.batches.retry import retry_batch
from tasks.batches.settle import settle_batch
from tasks.imports.plan import plan_some
from tests.integration.batches.stage import fail, half, make, states, told, waiting, work
from tests.integration.database.fresh import execute
from tests.integration.imports.files import batch_row, catalogue, imported, jobs_of, planned
from tests.integration.tasks.job_rows import at_once, outcome_rows

CALLBACK = "https://shop.example/done"


def ended(database: Database) -> UUID:
    """Return a batch with a ready, a partial and a failed job."""
    batch_id = planned(database, catalogue(3, images=2), callback_url=CALLBACK)
    work(database, batch_id, [make, half, fail])
    assert settle_batch(database, batch_id) is BatchState.PARTIAL
    return batch_id


def refused(database: Database, batch_id: UUID) -> tuple[int, str]:
    with pytest.raises(Rejected) as refusal:
        retry_batch(database, batch_id)
    return refusal.value.status, refusal.value.code


def test_what_failed_is_queued_again_and_the_batch_runs(database: Database) -> None:
    batch_id = ended(database)
    chunk = uuid4()
    execute(
        database,
        "INSERT INTO chunks (id, batch_id, state, jobs, images, finished_at) "
        f"VALUES ('{chunk}', '{batch_id}', 'done', 3, 6, now())",
        f"UPDATE jobs SET chunk_id = '{chunk}', flow_run_id = gen_random_uuid()",
        f"UPDATE batches SET flow_run_id = '{chunk}'",
    )

    retry_batch(database, batch_id)

    assert states(database, batch_id) == ["ready", "queued", "queued"]
    ready, partly, whole = jobs_of(database, batch_id)
    assert (ready.round, ready.chunk_id) == (0, chunk)
    for job in (partly, whole):
        assert (job.round, job.chunk_id, job.flow_run_id, job.attempts) == (1, None, None, 0)
        assert (job.dispatched_at, job.finished_at) == (None, None)
    assert [row.state for row in outcome_rows(database, partly.id)] == ["ready", "queued"]
    batch = batch_row(database, batch_id)
    assert (batch.state, batch.round, batch.flow_run_id) == (BatchState.RUNNING, 1, None)
    assert (batch.finished_at, batch.cancel_requested_at) == (None, None)

    work(database, batch_id, [make, make])
    assert settle_batch(database, batch_id) is BatchState.READY
    assert [message["state"] for message in told(database, "batch.finished")] == [
        "partial",
        "ready",
    ]


def test_a_cancelled_batch_goes_on_with_its_jobs_and_its_plan(database: Database) -> None:
    batch_id = imported(database, catalogue(4))
    plan_some(database, batch_id, limit=2)
    cancel_batch(database, batch_id)

    retry_batch(database, batch_id)

    assert states(database, batch_id) == ["queued"] * 2
    assert plan_some(database, batch_id, limit=9) == 2
    work(database, batch_id, [make] * 4)
    assert settle_batch(database, batch_id) is BatchState.READY


def test_a_cancelled_batch_without_any_job_only_goes_on_with_its_plan(database: Database) -> None:
    batch_id = imported(database, catalogue(2))
    cancel_batch(database, batch_id)

    retry_batch(database, batch_id)

    assert batch_row(database, batch_id).state is BatchState.RUNNING
    assert plan_some(database, batch_id, limit=9) == 2


def test_only_an_end_with_failures_can_be_retried(database: Database) -> None:
    batch_id = planned(database, catalogue(1))
    assert refused(database, batch_id) == (409, ErrorCode.BATCH_NOT_FINAL)
    work(database, batch_id, [make])
    settle_batch(database, batch_id)
    assert refused(database, batch_id) == (409, ErrorCode.NOTHING_TO_RETRY)
    assert refused(database, uuid4()) == (404, ErrorCode.NOT_FOUND)
    assert batch_row(database, batch_id).round == 0


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_a_retry_that_was_interrupted_goes_on_when_called_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, slices: int
) -> None:
    batch_id = planned(database, catalogue(12))
    work(database, batch_id, [fail] * 12)
    settle_batch(database, batch_id)
    monkeypatch.setattr(retrying, "_SLICE", 4)
    for _ in range(slices):
        retrying._reopen_some(database, batch_id)  # and the process dies
    assert len(waiting(database, batch_id)) == 4 * slices
    assert batch_row(database, batch_id).state is BatchState.FAILED

    retry_batch(database, batch_id)

    assert [job.round for job in jobs_of(database, batch_id)] == [1] * 12
    batch = batch_row(database, batch_id)
    assert (batch.state, batch.round) == (BatchState.RUNNING, 1)


def test_simultaneous_retries_are_one_round(database: Database) -> None:
    batch_id = planned(database, catalogue(60))
    work(database, batch_id, [fail] * 60)
    settle_batch(database, batch_id)

    def attempt() -> str | None:
        try:
            retry_batch(database, batch_id)
        except Rejected as exc:
            return exc.code
        return None

    assert set(at_once([attempt] * 5)) <= {None, ErrorCode.BATCH_NOT_FINAL}
    assert {job.round for job in jobs_of(database, batch_id)} == {1}
    assert batch_row(database, batch_id).round == 1


def test_a_cancel_and_a_retry_at_once_leave_no_job_behind(database: Database) -> None:
    batch_id = planned(database, catalogue(80))
    cancel_batch(database, batch_id)

    at_once([partial(cancel_batch, database, batch_id), partial(retry_batch, database, batch_id)])

    state = batch_row(database, batch_id).state
    expected = {"queued"} if state is BatchState.RUNNING else {"cancelled"}
    if batch_row(database, batch_id).cancel_requested_at is not None:
        cancel_batch(database, batch_id)
        expected = {"cancelled"}
    assert set(states(database, batch_id)) == expected


def test_who_retries_a_batch_to_lead_it_is_not_overtaken(database: Database) -> None:
    batch_id = ended(database)
    leader = Leader("worker-1", uuid4(), lease_seconds=30)

    retry_batch(database, batch_id, leader=leader)

    assert lead_waiting(database, owner="worker-2", lease_seconds=30, limit=10) == []
    led = lead(database, batch_id, owner="worker-1", lease_seconds=30)
    assert led is not None
    assert (led.flow_run_id, led.round) == (leader.flow_run_id, 1)
