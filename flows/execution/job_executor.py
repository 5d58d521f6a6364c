"""Makes one attempt at a job: runs its flow, and settles what the flow left open.

The same for jobs that came through RabbitMQ and for runs that came through the work pool. The
job's row decides what happens next, never Prefect's state.
"""

import asyncio
import random
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

import structlog
from prefect import State
from prefect.client.schemas.objects import FlowRun

from flows.execution.release_claim import given_back
from flows.execution.supervise import is_cancelled, supervise
from flows.process_product import is_verdict, process_product
from flows.runs.attempts import Attempt, StopReason
from flows.runs.flow_run_client import TakeResult, end_of
from flows.runs.labels import JobLabel
from flows.runs.worker_context import WorkerContext
from flows.runtime.dependency_monitor import DependencyMonitor
from flows.runtime.event_loop import run_flow_here
from infra.contract.errors import LostClaim, ServiceUnavailable
from tasks.jobs.end_early import Ending, end_early
from tasks.jobs.lease import give_back, link_flow_run

T = TypeVar("T")
log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 3.0  # between two attempts at a job that came back unfinished


class JobExecutor:
    """Used only from the event loop."""

    def __init__(self, context: WorkerContext, monitor: DependencyMonitor) -> None:
        self._context = context
        self._monitor = monitor

    async def work_directly(self, attempt: Attempt) -> bool:
        """Run the job's own flow run here; return whether the job went back unfinished."""
        try:
            found = await self._supervise(attempt, self._find(attempt))
        except asyncio.CancelledError:
            await asyncio.shield(self._settle(attempt, counts=False))
            raise
        if found is None:
            return await self._settle(attempt, counts=False)
        flow_run, taken = found
        if taken is TakeResult.OURS:
            return await self.work(attempt, flow_run)
        if taken is TakeResult.CANCELLED and await self._link(attempt, flow_run):
            return await self._cancel(attempt)
        return await self._settle(attempt, counts=False)  # the worker of the run claims the job

    async def _find(self, attempt: Attempt) -> tuple[FlowRun, TakeResult]:
        flow_run = await self._context.flow_runs.of_job(JobLabel.of(attempt.claim))
        return flow_run, await self._context.flow_runs.take(flow_run)

    async def work(self, attempt: Attempt, flow_run: FlowRun, *, republish: bool = False) -> bool:
        """Run a flow run that is ours; return whether the job went back unfinished."""
        state: State[Any] | None = None
        try:
            state = await self._run(attempt, flow_run)
            if is_cancelled(attempt, state) and not attempt.recorded:
                return await self._cancel(attempt)  # before the flow could do it
        finally:
            counts = is_verdict(state)
            returned = await asyncio.shield(
                self._settle(attempt, counts=counts, republish=republish)
            )
        if not returned and attempt.halt is not StopReason.LOST:
            await self._close(attempt, state)
        return returned

    async def work_beside(
        self, attempt: Attempt, work: Coroutine[Any, Any, State[Any]]
    ) -> State[Any] | None:
        """Do a job that shares its flow run with others; return the result of the work."""
        state: State[Any] | None = None
        try:
            state = await self._supervise(attempt, work)
            if attempt.halt is StopReason.CANCELLED and not attempt.recorded:
                await self._cancel(attempt)
        finally:
            counts = is_verdict(state)
            await asyncio.shield(self._settle(attempt, counts=counts))
        return state

    async def _run(self, attempt: Attempt, flow_run: FlowRun) -> State[Any] | None:
        if not await self._link(attempt, flow_run):
            return None
        self._context.leave(flow_run.id, attempt)
        try:
            with attempt.beginning.awaited():
                return await self._supervise(attempt, run_flow_here(process_product, flow_run))
        finally:
            self._context.clear(flow_run.id, attempt)

    async def _link(self, attempt: Attempt, flow_run: FlowRun) -> bool:
        """Note which run shows the job; False when PostgreSQL is away."""
        resources = self._context.resources
        attempt.flow_run_id = flow_run.id
        try:
            await resources.db(link_flow_run, attempt.claim, flow_run.id)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return False
        return True

    async def _supervise(self, attempt: Attempt, work: Coroutine[Any, Any, T]) -> T | None:
        return await supervise(
            attempt, work, monitor=self._monitor, subject=str(attempt.claim.job_id)
        )

    async def _settle(self, attempt: Attempt, *, counts: bool, republish: bool = False) -> bool:
        """Give the job back if it is still ours; return whether its deliveries must go back."""
        if attempt.recorded:
            return False
        database, claim = self._context.resources.database, attempt.claim
        give = partial(give_back, database, claim, counts=counts, republish=republish)
        returned = await given_back(self._context, give)
        if returned and self._context.breaker.is_admitting and attempt.halt is None:
            await asyncio.sleep(_AGAIN_SECONDS * random.uniform(0.8, 1.2))
        return returned

    async def _cancel(self, attempt: Attempt) -> bool:
        """End a job as cancelled that no flow can end; return whether it must go back."""
        resources = self._context.resources
        try:
            await resources.db(
                end_early,
                attempt.claim,
                [],
                ending=Ending.CANCELLED,
            )
            attempt.recorded = True
        except LostClaim:
            attempt.recorded = True  # ended by its recorder
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return True
        await self._close(attempt, None)
        return False

    async def _close(self, attempt: Attempt, state: State[Any] | None) -> None:
        """Make the run show its job's end when it does not; what fails is left to the reaper.

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
