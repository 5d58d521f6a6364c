"""What a run's end says of its job when Prefect was away meanwhile: nothing."""

import asyncio

import pytest
from httpx import ConnectError, HTTPStatusError, ReadTimeout, Request, Response
from prefect import State
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.logging import disable_run_logger
from prefect.states import Failed, exception_to_failed_state

from flows.execution.supervise import supervise
from flows.runs.attempts import Attempt
from flows.runtime.circuit_breaker import Obstacle
from flows.runtime.dependency_monitor import Health
from tests.unit.flows.support.claims import claim_of

REQUEST = Request("POST", "http://prefect.example/api/v2/concurrency_limits/increment")
REFUSAL = HTTPStatusError("422", request=REQUEST, response=Response(422))


class Suspicions(Health):
    """Remembers which parts seemed to be away."""

    def __init__(self) -> None:
        self.parts: list[Obstacle] = []

    async def suspect(self, obstacle: Obstacle) -> None:
        self.parts.append(obstacle)


def without_slot(cause: Exception) -> Exception:
    """Return the error of a task run that got no slot for its tags."""
    error = ConcurrencySlotAcquisitionError("Unable to acquire concurrency slots")
    error.__cause__ = cause
    return error


def judged(state: State[object]) -> tuple[object, list[Obstacle]]:
    """Supervise a run that ends in this state; return what came of it, and who is suspected."""

    async def run() -> State[object]:
        return state

    health = Suspicions()
    found = supervise(Attempt(claim_of(1)), run(), health=health, subject="a job")
    return asyncio.run(found), health.parts


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
    assert judged(failed(error)) == (None, [Obstacle.PREFECT])


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
    assert judged(state) == (state, [])
