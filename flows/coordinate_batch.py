"""The coordinator of a batch: plans, packs, hears of cancelling, shows progress, until the end.

One flow run per round of a batch, which another worker continues when its own is gone. It does
no job and takes no slot. Everything here may be done twice.
"""

import asyncio
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from prefect import State, flow
from prefect.states import Cancelled, Completed, Failed

from flows.process_product import answer_of, interrupted, own_run_id
from flows.reports.batch_progress import Progress
from flows.runs.worker_context import WorkerContext, worker_context
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.leases import LeaseKind
from flows.runtime.resources import in_thread
from infra.contract.errors import Rejected, ServiceUnavailable
from infra.contract.states import BatchState, JobState, Lane
from tasks.batches.cancel import cancel_batch
from tasks.batches.lead import (
    LeaderClaim,
    Leading,
    batch_end,
    cancel_is_requested,
    has_open_jobs,
    lead,
    let_go,
    show_by,
)
from tasks.batches.plan import SLICE, plan_some
from tasks.batches.read import BatchView, read_batch
from tasks.batches.settle import settle_batch
from tasks.chunks.pack import pack_due
from tasks.submission.queue_limit import QueueBound

log = structlog.get_logger(__name__)

_TURN_SECONDS = 1.0
_SURPRISE_SECONDS = 5.0
_PROGRESS_SECONDS = 5.0


@flow(name="coordinate-batch", retries=0, persist_result=False)
async def coordinate_batch(*, batch_id: str = "") -> State[Any]:  # noqa: ARG001 - read before
    """Coordinate one batch from its plan to its end. Cancel the run to cancel the batch.

    Args:
        batch_id: The batch. Retry the run to retry failed and cancelled jobs.
    """
    context = worker_context()
    ticket = context.take(own_run_id())
    if isinstance(ticket, UUID):
        return await coordinate(context, ticket, own_run_id())
    return answer_of(ticket)


async def coordinate(context: WorkerContext, batch_id: UUID, flow_run_id: UUID) -> State[Any]:
    """Lead the batch, shown by this run, and return the state in which the run ends.

    Where another process leads the batch, watch it. Usable from any flow of this project. Ends
    interrupted when the worker stops: another worker continues.
    """
    coordinator = _Coordinator(context, batch_id, flow_run_id)
    try:
        while PauseReason.LEAVING not in context.breaker.reasons:
            ended = await coordinator.turn()
            if ended is not None:
                return ended
            await asyncio.sleep(coordinator.pause_seconds)
    finally:
        await asyncio.shield(coordinator.let_go())
    return interrupted("The worker stopped.")


class _Coordinator:
    def __init__(self, context: WorkerContext, batch_id: UUID, flow_run_id: UUID) -> None:
        self._context = context
        self._batch_id = batch_id
        self._flow_run_id = flow_run_id
        self._threads = context.resources.threads[Lane.BULK].io
        self._database = context.resources.database
        self._bound = QueueBound(context.resources.configuration.queue.max_queued)
        seconds = context.resources.configuration.timings.batch_lease_seconds
        self._lease = LeaseKind("batch", seconds)
        self._progress = Progress(batch_id, flow_run_id)
        self._shown_at = float("-inf")
        self.pause_seconds = _TURN_SECONDS

    async def turn(self) -> State[Any] | None:
        """Do what is due; return the run's end once the batch has come to one."""
        self.pause_seconds = _TURN_SECONDS
        try:
            return await self._turn()
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
        except Rejected as exc:
            log.info("batch not led", batch_id=str(self._batch_id), reason=str(exc))
        except Exception:  # a batch must not be left alone because of one surprise
            log.exception("turn of coordinator failed", batch_id=str(self._batch_id))
            self.pause_seconds = _SURPRISE_SECONDS
        return None

    async def let_go(self) -> None:
        """Release the lease to other workers; if that cannot be written, it expires."""
        try:
            await in_thread(
                self._threads, let_go, self._database, self._batch_id, owner=self._context.owner
            )
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)

    async def _turn(self) -> State[Any] | None:
        leading = await in_thread(
            self._threads,
            lead,
            self._database,
            self._batch_id,
            owner=self._context.owner,
            lease_seconds=self._lease.seconds,
        )
        if leading is not None:
            claim = LeaderClaim(self._batch_id, self._context.owner)
            with self._context.leases.kept(self._lease, claim, lost=self._say_lost):
                await self._lead(leading)
        end = await in_thread(self._threads, batch_end, self._database, self._batch_id)
        if end is None:
            return Failed(message=f"There is no batch {self._batch_id}.")
        is_over = end.state is not BatchState.RUNNING
        view = await self._show(is_over=is_over)
        return _final_state(end.state, view) if is_over else None

    def _say_lost(self) -> None:
        """Say it only: what a leader does may be done twice, and the next turn asks again."""
        log.info("lease of batch lost", batch_id=str(self._batch_id))

    async def _lead(self, leading: Leading) -> None:
        if leading.flow_run_id != self._flow_run_id:
            await in_thread(
                self._threads,
                show_by,
                self._database,
                self._batch_id,
                owner=self._context.owner,
                flow_run_id=self._flow_run_id,
            )
        if await self._do(cancel_is_requested):
            await self._do(cancel_batch)
        elif self._context.breaker.is_admitting:
            await self._plan_and_pack()
        if not await self._do(has_open_jobs):
            await self._do(settle_batch)

    async def _do(self, use_case: Any) -> Any:
        return await in_thread(self._threads, use_case, self._database, self._batch_id)

    async def _plan_and_pack(self) -> None:
        planned = await in_thread(
            self._threads,
            plan_some,
            self._database,
            self._batch_id,
            limit=SLICE,
            bound=self._bound,
        )
        settings = self._context.resources.configuration.bulk
        await in_thread(self._threads, pack_due, self._database, settings, self._batch_id)
        if planned:
            self.pause_seconds = 0

    async def _show(self, *, is_over: bool) -> BatchView | None:
        if not is_over and monotonic() - self._shown_at < _PROGRESS_SECONDS:
            return None
        self._shown_at = monotonic()
        view: BatchView | None = await self._do(read_batch)
        if view is not None:
            await self._progress.show(view)
        return view


def _final_state(state: BatchState, view: BatchView | None) -> State[Any]:
    """Return how Prefect shows a batch that ended in this state."""
    message = None
    if view is not None:
        message = f"{view.counts[JobState.READY]} of {view.total} products are ready."
    if state is BatchState.READY:
        return Completed(message=message)
    if state is BatchState.PARTIAL:
        return Completed(name="Partial", message=message)
    if state is BatchState.CANCELLED:
        return Cancelled(message=message)
    return Failed(message=message)


def batch_state(state: BatchState) -> State[Any]:
    """Return how Prefect shows a batch that had ended before its run began."""
    return _final_state(state, None)
