"""Does work that can be stopped, and tells its result from an outage."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

import structlog
from httpx import TransportError
from prefect import State
from prefect.exceptions import Abort
from prefect.states import aget_state_exception

from flows.runs.attempts import StopReason
from flows.runs.flow_run_client import is_stopped
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Supervised(Protocol):
    """An attempt, at a job or a chunk."""

    halt: StopReason | None
    task: asyncio.Task[object] | None

    def end(self, why: StopReason) -> None:
        """End the work."""


async def supervise(
    attempt: Supervised, work: Coroutine[Any, Any, T], *, monitor: DependencyMonitor, subject: str
) -> T | None:
    """Do work that the attempt can stop; return its result, or None when there is none.

    An outage of Prefect, or its refusal, is no result.
    """
    task = asyncio.create_task(work)
    attempt.task = task
    if attempt.halt is not None:
        task.cancel()
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        attempt.end(StopReason.LEAVING)
        await asyncio.wait([task])
        raise
    finally:
        attempt.task = None
    return await _outcome(task, monitor, subject)


def is_cancelled(attempt: Supervised, state: State[Any] | None) -> bool:
    """Whether the work of the attempt was cancelled, or its run before the flow began."""
    return attempt.halt is StopReason.CANCELLED or is_stopped(state)


async def _outcome(task: asyncio.Task[T], monitor: DependencyMonitor, subject: str) -> T | None:
    if task.cancelled():
        return None
    error = task.exception() or await _outage_shown_by(task.result())
    if error is None:
        return task.result()
    if isinstance(error, Abort):
        log.info("run left", subject=subject, reason=str(error))
    elif isinstance(error, KeyboardInterrupt | SystemExit):
        raise error
    else:
        log.warning("run broken off", subject=subject, error=repr(error))
        await monitor.suspect(PauseReason.PREFECT)
    return None


async def _outage_shown_by(result: object) -> BaseException | None:
    """Return what made a run fail because Prefect was away, and back in time to show that.

    What asks for the slots of a task run's tags hides it in its cause.
    """
    if not isinstance(result, State) or not result.is_failed():
        return None
    error = await aget_state_exception(result)
    was_away = isinstance(error, TransportError) or isinstance(error.__cause__, TransportError)
    return error if was_away else None
