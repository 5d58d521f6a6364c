"""What a run's end says of its job when Prefect was away meanwhile: nothing."""

import asyncio

import pytest
from httpx import ConnectError, HTTPStatusError, ReadTimeout, Request, Response
from prefect import State
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.logging import disable_run_logger
from prefect.states import Failed, exception_to_failed_state

from flows.execution.executor import supervise
from flows.runs.attempts import Attempt
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor
from tests.unit.flows.support.claims import claim_of

REQUEST = Request("POST", "http://prefect.example/api/v2/concurrency_limits/increment")
REFUSAL = HTTPStatusError("422", request=REQUEST, response=Response(422))


class Suspicions(DependencyMonitor):
    """Remembers which parts seemed to be away."""

    def __init__(self) -> None:
        self.parts: list[PauseReason] = []

    async def suspect(self, reason: PauseReason) -> None:
        self.parts.append(reason)


def without_slot(cause: Exception) -> Exception:
    """Return the error of a task run that got no slot for its tags."""
    error = ConcurrencySlotAcquisitionError("Unable to acquire concurrency slots")
    error.__cause__ = cause
    return error


def overall_state(state: State[object]) -> tuple[object, list[PauseReason]]:
    """Supervise a run that ends in this state; return what came of it, and who is suspected."""

    async def run() -> State[object]:
        return state

    monitor = Suspicions()
    found = supervise(Attempt(claim_of(1)), run(), monitor=monitor)
    return asyncio.run(found), monitor.parts


def failed(error: Exception) -> State[object]:
    """Return the state that the engine gives a run that raised."""
    with disable_run_logger():
        return asyncio.run(exception_to_failed_state(error))


@pytest.mark.parametrize(
    "error",
    [ConnectError("gone"), ReadTimeout("slow"), without_slot(ConnectError("gone"))],
    ids=repr,
)
def test_a_run_that_failed_because_prefect_was_away_says_nothing(error: Exception) -> None:
    assert overall_state(failed(error)) == (None, [PauseReason.PREFECT])


@pytest.mark.parametrize(
    "state",
    [
        failed(LookupError("a fault of ours")),
        failed(without_slot(REFUSAL)),
        Failed(message="0 of 1"),
    ],
    ids=["fault", "refusal", "result"],
)
def test_a_run_that_failed_for_another_reason_is_a_result(state: State[object]) -> None:
    assert overall_state(state) == (state, [])
