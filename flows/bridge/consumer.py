"""The bridge: one RabbitMQ delivery becomes one flow run, acknowledged when its work is final.

The delivery of a job or chunk stays unacknowledged while it is worked on, so that a killed worker's
work comes back by itself. The row decides what happens to a delivery, never Prefect's state.
"""

import asyncio
import random
from contextlib import AsyncExitStack
from typing import Any, TypeAlias
from uuid import UUID

import structlog

from flows.bridge.via_work_pool import ViaWorkPool
from flows.execution.chunk_executor import ChunkExecutor
from flows.execution.executor import Executor
from flows.execution.job_executor import JobExecutor
from flows.runs.worker_context import WorkerContext
from flows.runtime.prefect_limits import PrefectLimits
from infra.broker.broker import Delivery
from infra.contract.errors import ServiceUnavailable
from infra.contract.messages import ChunkMessage, UndecodableMessage, decode_message
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Unclaimed

log = structlog.get_logger(__name__)

_OUTAGE_WAIT_SECONDS = 1.0
_SURPRISE_WAIT_SECONDS = 5.0
_FINAL = (Unclaimed.FINAL, Unclaimed.GAVE_UP, Unclaimed.CANCELLED)


AnyExecutor: TypeAlias = Executor[Any, Any]


class JobConsumer:
    """Lives in the event loop of the warm runner."""

    def __init__(
        self,
        context: WorkerContext,
        job_executor: JobExecutor,
        chunk_executor: ChunkExecutor,
        *,
        prefect_limits: PrefectLimits,
        through_pool: ViaWorkPool,
    ) -> None:
        self._context = context
        self._job_executor = job_executor
        self._chunk_executor = chunk_executor
        self._prefect_limits = prefect_limits
        self._through_pool = through_pool
        self._waiting: set[asyncio.Task[object]] = set()

    async def handle(self, delivery: Delivery) -> None:
        """Settle one delivery, however long its job takes."""
        self._context.resources.metrics.note_delivery(
            delivery.lane, redelivered=delivery.redelivered
        )
        try:
            message = decode_message(delivery.body)
        except UndecodableMessage as exc:
            log.warning("undecodable message", reason=str(exc))
            delivery.dead_letter()
            return
        executor: AnyExecutor
        if isinstance(message, ChunkMessage):
            executor, work_id = self._chunk_executor, message.chunk_id
        else:
            executor, work_id = self._job_executor, message.job_id
        try:
            try:
                await self._serve(executor, work_id, delivery)
            except ServiceUnavailable as exc:
                self._context.breaker.note(exc)
                await asyncio.sleep(_OUTAGE_WAIT_SECONDS)
                delivery.requeue()
            except Exception:  # a delivery must never stay unsettled
                log.exception("delivery not served", **executor.attempts.subject(work_id))
                await asyncio.sleep(_SURPRISE_WAIT_SECONDS)
                delivery.requeue()
        except BaseException:  # also during these waits
            delivery.requeue()
            raise

    def send_back_waiting(self) -> None:
        """Give back the deliveries whose jobs this process does not work on."""
        for task in list(self._waiting):
            task.cancel()

    async def _serve(self, executor: AnyExecutor, work_id: UUID, delivery: Delivery) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a delivery is served by an asyncio task")
        breaker = self._context.breaker
        async with AsyncExitStack() as stack:
            self._waiting.add(task)
            try:
                turn = executor.start_turn(lambda: not breaker.is_admitting)
                await stack.enter_async_context(turn)
                claimed = await self._claim(executor, work_id, delivery)
            finally:
                self._waiting.discard(task)
            if claimed is not None and not isinstance(claimed, Unclaimed):
                await executor.serve(claimed, delivery)
                return
        if claimed is None:
            delivery.requeue()
            return
        log.info("nothing to do", **executor.attempts.subject(work_id), reason=claimed.name.lower())
        attempt = executor.attempts.of(work_id)
        if claimed is Unclaimed.HELD_HERE and delivery.redelivered and attempt is not None:
            attempt.deliveries.append(delivery)  # adopted: the first one was lost on its way
            return
        if claimed in _FINAL:
            await executor.close_run(work_id)
        delivery.ack()

    async def _claim(
        self, executor: AnyExecutor, work_id: UUID, delivery: Delivery
    ) -> Claim | ChunkClaim | Unclaimed | None:
        """Return the claim or what decides against it; None when the intake closed meanwhile."""
        lease_seconds = self._context.resources.configuration.job.lease_seconds
        while self._context.breaker.is_admitting:
            if await self._prefect_limits.is_limited(executor.lane):
                ended = await self._through_pool.carry(work_id, executor.lane)
                if ended is not None:
                    return ended
                continue
            if self._context.breaker.reasons:  # closed by that very look
                break
            claimed: Claim | ChunkClaim | Unclaimed = await executor.claim(work_id)
            is_elsewhere = claimed is Unclaimed.HELD_ELSEWHERE
            is_forlorn = claimed is Unclaimed.HELD_HERE and not executor.attempts.of(work_id)
            if not (delivery.redelivered and (is_elsewhere or is_forlorn)):
                return claimed
            await asyncio.sleep(lease_seconds * random.uniform(0.3, 0.5))
        return None
