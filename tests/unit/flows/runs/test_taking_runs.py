"""Taking a run into this process, or leaving it to a poller: cancelled work is never revived."""

from typing import Any
from uuid import uuid4

import pytest
from prefect import State
from prefect.client.schemas.objects import TaskRun
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import (
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    Pending,
    Running,
    Scheduled,
)

from flows.runs.flow_run_client import TakeResult
from tests.unit.flows.support.fakes import play
from tests.unit.flows.support.server import Server, run_in

STOPPED: list[State[Any]] = [Cancelled(), Cancelling()]


@pytest.mark.parametrize("state", [None, Pending(), Running(), Crashed(), Completed(), Failed()])
def test_a_run_that_nobody_stopped_is_ours_as_it_is(state: State[Any] | None) -> None:
    run = run_in(state)
    server = Server(run)

    assert play(server.flow_runs.take(run)) is TakeResult.OURS
    assert server.set == []


@pytest.mark.parametrize("state", STOPPED)
def test_a_stopped_run_is_never_taken(state: State[Any]) -> None:
    run = run_in(state)
    server = Server(run)

    assert play(server.flow_runs.take(run)) is TakeResult.CANCELLED
    assert server.set == []


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (SetStateStatus.ACCEPT, TakeResult.OURS),
        (SetStateStatus.ABORT, TakeResult.ELSEWHERE),
        (SetStateStatus.REJECT, TakeResult.ELSEWHERE),
        (SetStateStatus.WAIT, TakeResult.ELSEWHERE),
    ],
)
def test_a_scheduled_run_is_asked_for_and_never_forced(
    answer: SetStateStatus, taken: TakeResult
) -> None:
    run = run_in(Scheduled())
    server = Server(run)
    server.answer = answer

    assert play(server.flow_runs.take(run)) is taken
    ((_, state, forced),) = server.set
    assert (state.is_pending(), forced) == (True, False)


def test_what_an_earlier_attempt_left_running_in_a_run_is_closed() -> None:
    again, first = run_in(Running(), run_count=1), run_in(Pending(), run_count=0)
    server = Server(again, first)
    server.task_runs = [TaskRun.model_construct(id=uuid4())]

    play(server.flow_runs.take(first))
    assert server.set_tasks == []

    play(server.flow_runs.take(again))
    assert len(server.set_tasks) == 1


def test_a_run_that_the_server_cancelled_for_want_of_a_slot_is_taken_and_scheduled() -> None:
    """Prefect's `ValidateDeploymentConcurrencyAtRunning` says that; nobody wished it."""
    message = (
        "Deployment concurrency slot lost during provisioning - "
        "no slots available to continue execution"
    )
    run = run_in(Cancelled(message=message))
    server = Server(run)

    assert play(server.flow_runs.take(run)) is TakeResult.OURS
    assert play(server.flow_runs.schedule(run)) is TakeResult.ELSEWHERE
    ((_, shown, _),) = server.set
    assert shown.is_scheduled()


@pytest.mark.parametrize("state", STOPPED)
def test_a_stopped_run_is_never_scheduled(state: State[Any]) -> None:
    run = run_in(state)
    server = Server(run)

    assert play(server.flow_runs.schedule(run)) is TakeResult.CANCELLED
    assert server.set == []


@pytest.mark.parametrize("state", [Pending(), Running(), Scheduled()])
def test_a_run_on_its_way_is_not_scheduled_again(state: State[Any]) -> None:
    run = run_in(state)
    server = Server(run)

    assert play(server.flow_runs.schedule(run)) is TakeResult.ELSEWHERE
    assert server.set == []


@pytest.mark.parametrize("state", [None, Crashed(), Completed(), Failed()])
def test_a_run_that_ended_without_its_job_is_scheduled_again_unforced(
    state: State[Any] | None,
) -> None:
    run = run_in(state)
    server = Server(run)

    assert play(server.flow_runs.schedule(run)) is TakeResult.ELSEWHERE
    ((_, shown, forced),) = server.set
    assert (shown.is_scheduled(), forced) == (True, False)


@pytest.mark.parametrize("state", [Running(), Cancelling()])
def test_a_run_under_way_without_a_slot_is_seen(state: State[Any]) -> None:
    run = run_in(state)
    server = Server(run)
    run.deployment_id = server.deployment.id

    assert play(server.flow_runs.any_without_slot()) is True


def test_a_run_with_a_slot_another_flow_and_one_that_ended_are_not_meant() -> None:
    holding: State[Any] = Running()
    holding.state_details.deployment_concurrency_lease_id = uuid4()
    with_slot, sweep, ended = run_in(holding), run_in(Running()), run_in(Completed())
    server = Server(with_slot, sweep, ended)
    with_slot.deployment_id = ended.deployment_id = server.deployment.id
    sweep.deployment_id = uuid4()

    assert play(server.flow_runs.any_without_slot()) is False
