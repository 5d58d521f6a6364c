"""Makes attempts at jobs, each as a flow run of its own or beside others in the run of a chunk."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import structlog
from prefect import State

from flows.execution.executor import Executor, supervise
from flows.process_product import is_verdict, process_product
from flows.runs.attempts import Attempt, StopReason
from flows.runs.flow_run_client import end_of
from flows.runs.labels import JobLabel
from flows.runs.worker_context import WorkerContext
from flows.runtime.dependency_monitor import DependencyMonitor
from infra.contract.errors import LostClaim, ServiceUnavailable
from infra.contract.states import Lane
from tasks.jobs.claim import Claim, claim
from tasks.jobs.end_early import Ending, end_early

log = structlog.get_logger(__name__)


class JobExecutor(Executor[Claim, Attempt]):
    """Used only from the event loop."""

    lane = Lane.INTERACTIVE

    def __init__(self, context: WorkerContext, monitor: DependencyMonitor) -> None:
        super().__init__(context, monitor, context.attempts, take=claim, flow=process_product)

    def start_turn(self, is_closed: Callable[[], bool]) -> AbstractAsyncContextManager[None]:
        """Wait until one more job may begin."""
        return self._context.start_limit.turn(is_closed)

    async def close_run(self, work_id: UUID) -> None:
        """Close the run of a job whose worker died between recording and telling Prefect."""
        status = await self._context.status(work_id)
        if status is None:
            return
        try:
            await self._context.flow_runs.show_end(status)
        except Exception as exc:  # noqa: BLE001 - Prefect only shows the job; the reaper comes by
            log.info("run not closed", job_id=str(work_id), error=repr(exc))

    async def work_beside(
        self, attempt: Attempt, work: Coroutine[Any, Any, State[Any]]
    ) -> State[Any] | None:
        """Do a job that shares its flow run with others; return the result of the work."""
        state: State[Any] | None = None
        try:
            state = await supervise(attempt, work, monitor=self._monitor)
            if attempt.halt is StopReason.CANCELLED and not attempt.recorded:
                await self._end_cancelled(attempt)
        finally:
            counts = is_verdict(state)
            await asyncio.shield(self._settle(attempt, counts=counts))
        return state

    def _label(self, claim: Claim) -> JobLabel:
        return JobLabel.of(claim)

    def _ticket(self, attempt: Attempt) -> Attempt:
        return attempt

    async def _end_cancelled(self, attempt: Attempt) -> None:
        try:
            await self._context.resources.db(end_early, attempt.claim, [], ending=Ending.CANCELLED)
        except LostClaim:  # ended by the attempt that recorded it
            pass
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return
        attempt.recorded = True
        await self._show_end(attempt, None)

    async def _show_end(self, attempt: Attempt, state: State[Any] | None) -> None:
        """What fails is left to the reaper.

        A run that was cancelled a moment too late, for example, ends crashed though its job is
        ready.
        """
        job_id = attempt.claim.job_id
        try:
            status = await self._context.status(job_id)
            if status is None or status.flow_run_id is None or not status.state.is_final:
                return
            end = end_of(status)
            if state is None or state.type is not end.type:
                await self._context.flow_runs.force_state(status.flow_run_id, end)
        except Exception as exc:  # noqa: BLE001 - Prefect only shows the job
            log.info("run not closed", job_id=str(job_id), error=repr(exc))
