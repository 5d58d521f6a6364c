"""Sees to it that every running batch has a coordinator and that its due jobs are packed.

Coordinators are tasks of the event loop beside the jobs: a hundred batches cost no slot.
"""

import asyncio
import random
from typing import Any
from uuid import UUID

import structlog
from prefect import State
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Abort
from prefect.states import Cancelled, Failed

from flows.coordinate_batch import batch_state, coordinate, coordinate_batch
from flows.runs.flow_run_client import TakeResult
from flows.runs.labels import BATCH_DEPLOYMENT, batch_label
from flows.runs.worker_context import WorkerContext
from flows.runtime.event_loop import run_flow_here
from infra.contract.errors import Rejected, ServiceUnavailable
from infra.contract.states import BatchState
from tasks.batches.cancel import cancel_batch
from tasks.batches.lead import Leading, batch_end, batch_of_run, lead_waiting, let_go
from tasks.batches.retry import retry_batch
from tasks.chunks.pack import pack_due

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 2.0
_MOST = 100  # batches that one worker leads
_WISHED = "Give the id of a batch."


class BatchLeaders:
    """Used only from the event loop."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._db = context.resources.bulk_db
        self._lease_seconds = context.resources.configuration.timings.batch_lease_seconds
        self._under_way: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS * random.uniform(0.8, 1.2))
            if not self._context.breaker.is_admitting:
                continue
            try:
                await self._look()
            except ServiceUnavailable as exc:
                self._context.breaker.note(exc)
            except Exception:  # batches must be led, whatever else goes wrong
                log.exception("batches not looked at")

    async def leave(self, seconds: float) -> None:
        """Wait for the coordinators, which see by themselves that the worker stops."""
        if self._under_way:
            await asyncio.wait(list(self._under_way.values()), timeout=seconds)

    def is_running(self, flow_run_id: UUID) -> bool:
        """Whether a coordinator of this run is under way here."""
        return flow_run_id in self._under_way

    async def cancel_run(self, flow_run_id: UUID) -> bool:
        """Cancel the batch that a run shows; return whether it shows one."""
        batch_id = await self._db(batch_of_run, flow_run_id)
        if batch_id is None:
            return False
        await self._cancel(batch_id)
        return True

    async def run_polled(self, flow_run: FlowRun) -> State[Any] | None:
        """Begin a run that a person retried or started; return its end when there is none to lead.

        A retried run of an ended batch asks for a retry of its failed jobs.
        """
        try:
            batch_id = UUID(str(flow_run.parameters.get("batch_id")))
        except ValueError:
            return Failed(message=_WISHED)
        end = await self._db(batch_end, batch_id)
        if end is None:
            return Failed(message=f"There is no batch {batch_id}.")
        if end.state is not BatchState.RUNNING:
            wished_at = await self._context.flow_runs.scheduled_at(flow_run)
            if end.finished_at is not None and end.finished_at >= wished_at:
                return batch_state(end.state)
            try:
                await self._db(retry_batch, batch_id)
            except Rejected as exc:
                return Failed(message=exc.detail)
        self._begin(flow_run.id, self._in_run(batch_id, flow_run))
        return None

    async def _look(self) -> None:
        settings = self._context.resources.configuration.bulk
        await self._db(pack_due, settings)
        room = _MOST - len(self._under_way)
        if room <= 0:
            return
        found = await self._db(
            lead_waiting,
            owner=self._context.owner,
            lease_seconds=self._lease_seconds,
            limit=room,
        )
        for leading in found:
            self._begin(leading.batch_id, self._directly(leading))

    def _begin(self, name: UUID, work: Any) -> None:
        task = asyncio.create_task(work)
        self._under_way[name] = task
        task.add_done_callback(lambda _: self._under_way.pop(name, None))

    async def _directly(self, leading: Leading) -> None:
        """Lead in the batch's own run, found or made."""
        runs = self._context.flow_runs
        try:
            label = batch_label(leading)
            flow_run = await runs.of_job(label)
            if flow_run.deployment_id != await runs.deployment_id(BATCH_DEPLOYMENT):
                flow_run = await runs.create(label)  # that one is of another flow, and not running
            taken = await runs.take(flow_run)
        except Exception as exc:  # noqa: BLE001 - Prefect away: led later
            log.warning("batch not led", batch_id=str(leading.batch_id), error=repr(exc))
            await self._let_go(leading.batch_id)
            return
        if taken is TakeResult.OURS:
            await self._in_run(leading.batch_id, flow_run)
        elif taken is TakeResult.CANCELLED:
            await self._to_the_end(leading.batch_id, flow_run)
        else:
            await self._let_go(leading.batch_id)

    async def _in_run(self, batch_id: UUID, flow_run: FlowRun) -> None:
        self._context.leave(flow_run.id, batch_id)
        try:
            await run_flow_here(coordinate_batch, flow_run)
        except Abort as exc:
            log.info("run left", flow_run_id=str(flow_run.id), reason=str(exc))
        except Exception as exc:  # noqa: BLE001 - an outage of Prefect's is no end of the batch
            log.warning("run broken off", flow_run_id=str(flow_run.id), error=repr(exc))
        finally:
            self._context.clear(flow_run.id, batch_id)
            await self._let_go(batch_id)

    async def _to_the_end(self, batch_id: UUID, flow_run: FlowRun) -> None:
        """Cancel a batch whose run was cancelled while it had no leader."""
        try:
            await self._cancel(batch_id)
            await coordinate(self._context, batch_id, flow_run.id)
            await self._context.flow_runs.close(flow_run.id, Cancelled())
        except Exception as exc:  # noqa: BLE001 - tried again when the lease ends
            log.warning("batch not cancelled", batch_id=str(batch_id), error=repr(exc))

    async def _cancel(self, batch_id: UUID) -> None:
        try:
            await self._db(cancel_batch, batch_id)
        except Rejected as exc:
            log.info("nothing to cancel", batch_id=str(batch_id), reason=exc.detail)

    async def _let_go(self, batch_id: UUID) -> None:
        try:
            await self._db(let_go, batch_id, owner=self._context.owner)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
