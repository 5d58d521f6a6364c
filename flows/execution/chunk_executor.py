"""Makes one attempt at a chunk: runs its flow run, and settles what the flow left open.

The chunk's row decides what happens next, never Prefect's state.
"""

import asyncio
from functools import partial
from typing import Any

import structlog
from prefect import State
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled

from flows.execution.chunk_jobs import ChunkJobs
from flows.execution.job_executor import JobExecutor
from flows.execution.release_claim import given_back
from flows.execution.supervise import is_cancelled, supervise
from flows.process_chunk import process_chunk
from flows.process_product import is_verdict
from flows.runs.chunk_attempts import ChunkAttempt
from flows.runs.flow_run_client import TakeResult
from flows.runs.labels import chunk_label
from flows.runs.worker_context import WorkerContext
from flows.runtime.dependency_monitor import DependencyMonitor
from flows.runtime.event_loop import run_flow_here
from infra.contract.errors import ServiceUnavailable
from tasks.chunks.lease import finish_chunk, give_back_chunk, link_chunk_run

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 3.0  # between two attempts at a chunk that came back unfinished


class ChunkExecutor:
    """Used only from the event loop."""

    def __init__(
        self, context: WorkerContext, monitor: DependencyMonitor, job_executor: JobExecutor
    ) -> None:
        self._context = context
        self._monitor = monitor
        self._job_executor = job_executor

    async def work_directly(self, attempt: ChunkAttempt) -> bool:
        """Run the chunk's own flow run here; return whether the chunk went back unfinished."""
        subject = str(attempt.claim.chunk_id)
        try:
            found = await supervise(
                attempt, self._find(attempt), monitor=self._monitor, subject=subject
            )
        except asyncio.CancelledError:
            await asyncio.shield(self._settle(attempt, counts=False))
            raise
        if found is None:
            return await self._settle(attempt, counts=False)
        flow_run, taken = found
        if taken is TakeResult.OURS:
            return await self.work(attempt, flow_run)
        if taken is TakeResult.CANCELLED:
            await self._release(attempt, flow_run)
        return await self._settle(attempt, counts=False)  # the worker of the run claims the chunk

    async def _find(self, attempt: ChunkAttempt) -> tuple[FlowRun, TakeResult]:
        flow_run = await self._context.flow_runs.of_job(chunk_label(attempt.claim))
        return flow_run, await self._context.flow_runs.take(flow_run)

    async def work(
        self, attempt: ChunkAttempt, flow_run: FlowRun, *, republish: bool = False
    ) -> bool:
        """Run a flow run that is ours; return whether the chunk went back unfinished."""
        state: State[Any] | None = None
        try:
            state = await self._run(attempt, flow_run)
            if is_cancelled(attempt, state) and not attempt.finished:
                await self._release(attempt, flow_run)
        finally:
            counts = is_verdict(state)
            returned = await asyncio.shield(
                self._settle(attempt, counts=counts, republish=republish)
            )
        return returned

    async def _run(self, attempt: ChunkAttempt, flow_run: FlowRun) -> State[Any] | None:
        resources = self._context.resources
        attempt.flow_run_id = flow_run.id
        try:
            await resources.db(link_chunk_run, attempt.claim, flow_run.id)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return None
        work = ChunkJobs(self._context, self._job_executor, attempt)
        self._context.leave(flow_run.id, work)
        try:
            running = run_flow_here(process_chunk, flow_run)
            subject = str(attempt.claim.chunk_id)
            with attempt.beginning.awaited():
                return await supervise(attempt, running, monitor=self._monitor, subject=subject)
        finally:
            self._context.clear(flow_run.id, work)

    async def _release(self, attempt: ChunkAttempt, flow_run: FlowRun) -> None:
        """Return the jobs to the batch: the run was cancelled before it began."""
        resources = self._context.resources
        try:
            counts = await resources.db(finish_chunk, attempt.claim)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return
        attempt.finished = True
        if counts is None:  # another attempt has the chunk now, and its run
            return
        message = "Its jobs went back to the batch."
        try:
            await self._context.flow_runs.close(flow_run.id, Cancelled(message=message))
        except Exception as exc:  # noqa: BLE001 - Prefect only shows it; the reaper comes by
            log.info("run not closed", flow_run_id=str(flow_run.id), error=repr(exc))

    async def _settle(
        self, attempt: ChunkAttempt, *, counts: bool, republish: bool = False
    ) -> bool:
        """Give the chunk back if it is still ours; return whether its deliveries must go back."""
        if attempt.finished:
            return False
        database, claim = self._context.resources.database, attempt.claim
        give = partial(give_back_chunk, database, claim, counts=counts, republish=republish)
        returned = await given_back(self._context, give)
        if returned and self._context.breaker.is_admitting and attempt.halt is None:
            await asyncio.sleep(_AGAIN_SECONDS)
        return returned
