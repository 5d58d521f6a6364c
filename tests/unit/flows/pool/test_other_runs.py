"""Runs from the work pool that are no attempt at a job: they run, and can be cancelled."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect.states import Pending

from flows.pool import runs as module
from tests.unit.flows.support.fakes import fake_resources, play
from tests.unit.flows.support.pool_office import Office
from tests.unit.flows.support.server import run_in


@pytest.fixture
def pool_office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with fake_resources() as resources:
        pool_office = Office(resources)
        monkeypatch.setattr(module, "run_flow_here", pool_office.engine)
        yield pool_office


def test_another_flow_runs_without_a_claim_and_is_known_while_it_runs(pool_office: Office) -> None:
    run = run_in(Pending())

    async def scenario() -> list[bool]:
        running = await pool_office.begin(run)
        known = [pool_office.runs.is_running(run.id), pool_office.runs.is_running(uuid4())]
        running.cancel()
        await asyncio.wait([running])
        return [*known, pool_office.runs.is_running(run.id)]

    assert play(scenario()) == [True, False, False]
    assert pool_office.context.claims == 0


def test_a_run_that_somebody_cancels_ends_and_shows_it(pool_office: Office) -> None:
    run = run_in(Pending())

    async def scenario() -> None:
        running = await pool_office.begin(run)
        pool_office.runs.cancel(run.id)
        pool_office.runs.cancel(run.id)  # the event and the look may both tell
        await running

    play(scenario())
    ((run_id, state, forced),) = pool_office.server.set
    assert (run_id, state.is_cancelled(), forced) == (run.id, True, True)


def test_a_run_that_the_leaving_worker_breaks_off_is_not_shown_as_cancelled(
    pool_office: Office,
) -> None:
    async def scenario() -> bool:
        running = await pool_office.begin(run_in(Pending()))
        running.cancel()
        await asyncio.wait([running])
        return running.cancelled()

    assert play(scenario()) is True
    assert pool_office.server.set == []


def test_cancelling_a_run_that_is_not_here_does_nothing(pool_office: Office) -> None:
    pool_office.runs.cancel(uuid4())

    assert pool_office.server.set == []


def test_a_run_that_was_cancelled_can_run_and_be_cancelled_again(pool_office: Office) -> None:
    run = run_in(Pending())

    async def scenario() -> int:
        ended = 0
        for _ in range(2):
            pool_office.began.clear()
            running = await pool_office.begin(run)
            pool_office.runs.cancel(run.id)
            done, _ = await asyncio.wait([running], timeout=2)
            ended += len(done)
        return ended

    assert play(scenario()) == 2
    assert len(pool_office.server.set) == 2
