"""A run that somebody pauses or suspends in Prefect shows again what it showed before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Cancelled, Cancelling, Completed, Paused, Pending, Running, Scheduled

from flows.runs.flow_run_client import NO_PAUSE, PARKED
from tests.unit.flows.support.fakes import play
from tests.unit.flows.support.server import Server, run_in

LATER = datetime.now(UTC) + timedelta(minutes=5)


def restored(*earlier: State[Any]) -> State[Any]:
    """Return what a run shows after its pause, which came after these states."""
    run = run_in(Paused())
    server = Server(run)
    begun = datetime.now(UTC)
    in_order = [*earlier, Paused()]
    for number, state in enumerate(in_order):
        state.timestamp = begun + timedelta(seconds=number)
    server.states = list(reversed(in_order))

    assert play(server.flow_runs.undo_pause(run))
    ((run_id, state, forced),) = server.set
    assert (run_id, forced) == (run.id, False)
    return state


@pytest.mark.parametrize("before", [Running(), Pending()])
def test_a_run_at_work_runs_on_and_says_how_to_pause(before: State[Any]) -> None:
    state = restored(Scheduled(), before)

    assert state.is_running()
    assert state.message == NO_PAUSE


def test_a_run_that_waits_waits_for_the_same_moment() -> None:
    parked = Scheduled(name=PARKED, scheduled_time=LATER)

    state = restored(Running(), parked)

    assert (state.name, state.state_details.scheduled_time) == (PARKED, LATER)
    assert state.is_scheduled()
    assert state.message == NO_PAUSE


def test_a_run_without_any_other_state_is_scheduled() -> None:
    assert restored().is_scheduled()


@pytest.mark.parametrize(
    "before",
    [Completed(name="Partial", message="1 of 2"), Cancelled(message="by hand"), Cancelling()],
)
def test_an_end_that_was_shown_is_shown_again_in_its_own_words(before: State[Any]) -> None:
    state = restored(Running(), before)

    assert (state.type, state.name, state.message) == (before.type, before.name, before.message)


def test_the_server_may_refuse_because_the_run_has_gone_on_meanwhile() -> None:
    run = run_in(Paused())
    server = Server(run)
    server.answer = SetStateStatus.REJECT

    assert not play(server.flow_runs.undo_pause(run))
