"""The coordinator of a batch: plans, packs, hears of cancelling, shows progress, until the end.

One flow run per round of a batch, which another worker continues when its own is gone. It does
no job and takes no slot. Everything here may be done twice.
"""

import asyncio
from functools import partial
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
from infra.contract.errors import Rejected, ServiceUnavailable
from infra.contract.states import BatchState, JobState
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
        self._db = context.resources.bulk_db
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
            await self._db(let_go, self._batch_id, owner=self._context.owner)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)

    async def _turn(self) -> State[Any] | None:
        owner = self._context.owner
        leading = await self._db(
            lead, self._batch_id, owner=owner, lease_seconds=self._lease.seconds
        )
        if leading is not None:
            claim = LeaderClaim(self._batch_id, owner)
            # Logged only: what a leader does may be done twice, and the next turn asks again.
            lost = partial(log.info, "lease of batch lost", batch_id=str(self._batch_id))
            with self._context.leases.kept(self._lease, claim, lost=lost):
                await self._lead(leading)
        end = await self._db(batch_end, self._batch_id)
        if end is None:
            return Failed(message=f"There is no batch {self._batch_id}.")
        is_over = end.state is not BatchState.RUNNING
        view: BatchView | None = None
        if is_over or monotonic() - self._shown_at >= _PROGRESS_SECONDS:
            self._shown_at = monotonic()
            view = await self._db(read_batch, self._batch_id)
            if view is not None:
                await self._progress.show(view)
        return _final_state(end.state, view) if is_over else None

    async def _lead(self, leading: Leading) -> None:
        if leading.flow_run_id != self._flow_run_id:
            owner, run_id = self._context.owner, self._flow_run_id
            await self._db(show_by, self._batch_id, owner=owner, flow_run_id=run_id)
        if await self._db(cancel_is_requested, self._batch_id):
            await self._db(cancel_batch, self._batch_id)
        elif self._context.breaker.is_admitting:
            planned = await self._db(plan_some, self._batch_id, limit=SLICE, bound=self._bound)
            bulk = self._context.resources.configuration.bulk
            await self._db(pack_due, bulk, self._batch_id)
            if planned:
                self.pause_seconds = 0
        if not await self._db(has_open_jobs, self._batch_id):
            await self._db(settle_batch, self._batch_id)


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
