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

from flows.execution.chunk_jobs import ChunkWork
from flows.execution.job_executor import Workbench
from flows.execution.release_claim import given_back
from flows.execution.supervise import is_cancelled, supervise
from flows.process_chunk import process_chunk
from flows.process_product import is_verdict
from flows.runs.bulk_labels import chunk_label
from flows.runs.chunk_attempts import ChunkAttempt
from flows.runs.flow_run_client import Taken
from flows.runs.worker_context import Desk
from flows.runtime.dependency_monitor import Health
from flows.runtime.event_loop import run_flow_here
from flows.runtime.resources import in_thread
from infra.contract.errors import ServiceUnavailable
from tasks.chunks.lease import finish_chunk, give_back_chunk, link_chunk_run

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 3.0  # between two attempts at a chunk that came back unfinished


class ChunkBench:
    """Used only from the event loop."""

    def __init__(self, desk: Desk, health: Health, workbench: Workbench) -> None:
        self._desk = desk
        self._health = health
        self._workbench = workbench

    async def work_directly(self, attempt: ChunkAttempt) -> bool:
        """Run the chunk's own flow run here; return whether the chunk went back unfinished."""
        subject = str(attempt.claim.chunk_id)
        try:
            found = await supervise(
                attempt, self._find(attempt), health=self._health, subject=subject
            )
        except asyncio.CancelledError:
            await asyncio.shield(self._settle(attempt, counts=False))
            raise
        if found is None:
            return await self._settle(attempt, counts=False)
        flow_run, taken = found
        if taken is Taken.OURS:
            return await self.work(attempt, flow_run)
        if taken is Taken.CANCELLED:
            await self._release(attempt, flow_run)
        return await self._settle(attempt, counts=False)  # whoever has the run claims the chunk

    async def _find(self, attempt: ChunkAttempt) -> tuple[FlowRun, Taken]:
        flow_run = await self._desk.flow_runs.of_job(chunk_label(attempt.claim))
        return flow_run, await self._desk.flow_runs.take(flow_run)

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
        shop = self._desk.workshop
        attempt.flow_run_id = flow_run.id
        try:
            await in_thread(
                shop.io_threads, link_chunk_run, shop.database, attempt.claim, flow_run.id
            )
        except ServiceUnavailable as exc:
            self._desk.gate.note(exc)
            return None
        work = ChunkWork(self._desk, self._workbench, attempt)
        self._desk.leave(flow_run.id, work)
        try:
            running = run_flow_here(process_chunk, flow_run)
            subject = str(attempt.claim.chunk_id)
            with attempt.beginning.awaited():
                return await supervise(attempt, running, health=self._health, subject=subject)
        finally:
            self._desk.clear(flow_run.id, work)

    async def _release(self, attempt: ChunkAttempt, flow_run: FlowRun) -> None:
        """Return the jobs to the batch: somebody cancelled the run before it began."""
        shop = self._desk.workshop
        try:
            counts = await in_thread(shop.io_threads, finish_chunk, shop.database, attempt.claim)
        except ServiceUnavailable as exc:
            self._desk.gate.note(exc)
            return
        attempt.finished = True
        if counts is None:  # another attempt has the chunk now, and its run
            return
        message = "Its jobs went back to the batch."
        try:
            await self._desk.flow_runs.close(flow_run.id, Cancelled(message=message))
        except Exception as exc:  # noqa: BLE001 - Prefect only shows it; the reaper comes by
            log.info("run not closed", flow_run_id=str(flow_run.id), error=repr(exc))

    async def _settle(
        self, attempt: ChunkAttempt, *, counts: bool, republish: bool = False
    ) -> bool:
        """Give the chunk back if it is still ours; return whether its deliveries must go back."""
        if attempt.finished:
            return False
        database, claim = self._desk.workshop.database, attempt.claim
        give = partial(give_back_chunk, database, claim, counts=counts, republish=republish)
        returned = await given_back(self._desk, give)
        if returned and self._desk.gate.is_open and attempt.halt is None:
            await asyncio.sleep(_AGAIN_SECONDS)
        return returned
