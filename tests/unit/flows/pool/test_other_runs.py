"""Runs from the work pool that are no attempt at a job: they run, and can be cancelled."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect.states import Pending

from flows.pool import runs as module
from tests.unit.flows.support.crew import play, workshop
from tests.unit.flows.support.office import Office
from tests.unit.flows.support.server import run_in


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with workshop() as shop:
        office = Office(shop)
        monkeypatch.setattr(module, "run_flow_here", office.engine)
        yield office


def test_another_flow_runs_without_a_claim_and_is_known_while_it_runs(office: Office) -> None:
    run = run_in(Pending())

    async def scenario() -> list[bool]:
        running = await office.begin(run)
        known = [office.runs.is_running(run.id), office.runs.is_running(uuid4())]
        running.cancel()
        await asyncio.wait([running])
        return [*known, office.runs.is_running(run.id)]

    assert play(scenario()) == [True, False, False]
    assert office.desk.claims == 0


def test_a_run_that_somebody_cancels_ends_and_shows_it(office: Office) -> None:
    run = run_in(Pending())

    async def scenario() -> None:
        running = await office.begin(run)
        office.runs.cancel(run.id)
        office.runs.cancel(run.id)  # the event and the look may both tell
        await running

    play(scenario())
    ((run_id, state, forced),) = office.server.set
    assert (run_id, state.is_cancelled(), forced) == (run.id, True, True)


def test_a_run_that_the_leaving_worker_breaks_off_is_not_shown_as_cancelled(
    office: Office,
) -> None:
    async def scenario() -> bool:
        running = await office.begin(run_in(Pending()))
        running.cancel()
        await asyncio.wait([running])
        return running.cancelled()

    assert play(scenario()) is True
    assert office.server.set == []


def test_cancelling_a_run_that_is_not_here_does_nothing(office: Office) -> None:
    office.runs.cancel(uuid4())

    assert office.server.set == []


def test_a_run_that_was_cancelled_can_run_and_be_cancelled_again(office: Office) -> None:
    run = run_in(Pending())

    async def scenario() -> int:
        ended = 0
        for _ in range(2):
            office.began.clear()
            running = await office.begin(run)
            office.runs.cancel(run.id)
            done, _ = await asyncio.wait([running], timeout=2)
            ended += len(done)
        return ended

    assert play(scenario()) == 2
    assert len(office.server.set) == 2
