"""A run that is cancelled in Prefect: its attempt is told, or the run shows its job's end."""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

import pytest
from prefect.states import Cancelling as IsCancelled

from flows.control import cancellation
from flows.control.batch_leaders import Coordinators
from flows.control.cancellation import Cancelling
from flows.pool.runs import PolledRuns
from flows.runs.attempts import Halt
from flows.runtime.resources import Workshop
from infra.contract.states import JobState
from infra.db.engine import Database
from tasks.jobs.status import Standing
from tests.unit.flows.support.claims import claim_of
from tests.unit.flows.support.crew import PlayedDesk, play, standing_of, workshop
from tests.unit.flows.support.server import Server, run_in


@pytest.fixture
def shop() -> Iterator[Workshop]:
    with workshop() as opened:
        yield opened


def cancelled(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, state: JobState, *, at_work: bool
) -> tuple[Halt | None, list[str | None]]:
    """Cancel a run whose job is in this state then; return what was said to whom."""
    run = run_in(IsCancelled())
    server = Server(run)
    desk = PlayedDesk(shop, server)

    def cancel_flow_run(_: Database, flow_run_id: UUID) -> Standing:
        return standing_of(state, flow_run_id=flow_run_id)

    monkeypatch.setattr(cancellation, "cancel_flow_run", cancel_flow_run)
    asked = Cancelling(desk, cast(PolledRuns, None), cast(Coordinators, None))

    async def scenario() -> Halt | None:
        if not at_work:
            await asked.cancel(run.id)
            return None
        with desk.attempts.hold(claim_of(1)) as attempt:
            await asked.cancel(run.id)
            return attempt.halt

    return play(scenario()), [shown.name for _, shown, _ in server.set]


def test_the_attempt_at_a_job_is_told_to_end(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = cancelled(shop, monkeypatch, JobState.RUNNING, at_work=True)

    assert told == (Halt.CANCELLED, [])


def test_an_attempt_whose_job_was_ended_because_its_lease_had_run_out_is_told_at_once(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = cancelled(shop, monkeypatch, JobState.CANCELLED, at_work=True)

    assert told == (Halt.CANCELLED, [])


def test_the_run_of_a_job_that_nobody_works_on_shows_its_end(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = cancelled(shop, monkeypatch, JobState.CANCELLED, at_work=False)

    assert told == (None, ["Cancelled"])
