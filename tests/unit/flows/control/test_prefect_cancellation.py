"""A run that is cancelled in Prefect: its attempt is told, or the run shows its job's end."""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

import pytest
from prefect.states import Cancelling as IsCancelled

from flows.control import prefect_cancellation
from flows.control.prefect_cancellation import Cancellation
from flows.execution.batch_leaders import BatchLeaders
from flows.pool.runs import PoolRuns
from flows.runs.attempts import StopReason
from flows.runtime.resources import WorkerResources
from infra.contract.states import JobState
from infra.db.engine import Database
from tasks.jobs.status import JobStatus
from tests.unit.flows.support.claims import claim_of
from tests.unit.flows.support.fakes import FakeContext, fake_resources, play, status_of
from tests.unit.flows.support.server import Server, run_in


@pytest.fixture
def resources() -> Iterator[WorkerResources]:
    with fake_resources() as opened:
        yield opened


def cancelled(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch, state: JobState, *, at_work: bool
) -> tuple[StopReason | None, list[str | None]]:
    """Cancel a run whose job is in this state then; return what was said to whom."""
    run = run_in(IsCancelled())
    server = Server(run)
    context = FakeContext(resources, server)

    def cancel_flow_run(_: Database, flow_run_id: UUID) -> JobStatus:
        return status_of(state, flow_run_id=flow_run_id)

    monkeypatch.setattr(prefect_cancellation, "cancel_flow_run", cancel_flow_run)
    asked = Cancellation(context, cast(PoolRuns, None), cast(BatchLeaders, None))

    async def scenario() -> StopReason | None:
        if not at_work:
            await asked.cancel(run.id)
            return None
        with context.attempts.hold(claim_of(1)) as attempt:
            await asked.cancel(run.id)
            return attempt.halt

    return play(scenario()), [shown.name for _, shown, _ in server.set]


def test_the_attempt_at_a_job_is_told_to_end(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_of = cancelled(resources, monkeypatch, JobState.RUNNING, at_work=True)

    assert answer_of == (StopReason.CANCELLED, [])


def test_an_attempt_whose_job_was_ended_because_its_lease_had_run_out_is_told_at_once(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_of = cancelled(resources, monkeypatch, JobState.CANCELLED, at_work=True)

    assert answer_of == (StopReason.CANCELLED, [])


def test_the_run_of_a_job_that_nobody_works_on_shows_its_end(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_of = cancelled(resources, monkeypatch, JobState.CANCELLED, at_work=False)

    assert answer_of == (None, ["Cancelled"])
