"""Serves deliveries that are about chunks, as the bridge serves those about jobs."""

import asyncio
import random
from uuid import UUID

import structlog

from flows.bridge.via_work_pool import ViaWorkPool
from flows.execution.chunk_executor import ChunkExecutor
from flows.runs.worker_context import WorkerContext
from flows.runtime.prefect_limits import PrefectLimits
from infra.broker.broker import Delivery
from infra.contract.states import Lane
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Unclaimed

log = structlog.get_logger(__name__)


class ChunkConsumer:
    """Lives in the event loop of the warm runner."""

    def __init__(
        self,
        context: WorkerContext,
        executor: ChunkExecutor,
        *,
        prefect_limits: PrefectLimits,
        through_pool: ViaWorkPool,
    ) -> None:
        self._context = context
        self._executor = executor
        self._prefect_limits = prefect_limits
        self._through_pool = through_pool

    async def claim(self, chunk_id: UUID, delivery: Delivery) -> ChunkClaim | Unclaimed | None:
        """Return the claim or what decides against it; None when the intake closed meanwhile."""
        lease_seconds = self._context.resources.configuration.job.lease_seconds
        while self._context.breaker.is_admitting:
            if await self._prefect_limits.is_limited(Lane.BULK):
                ended = await self._through_pool.carry_chunk(chunk_id)
                if ended is not None:
                    return ended
                continue
            if self._context.breaker.reasons:  # closed by that very look
                break
            claimed = await self._context.claim_chunk(chunk_id)
            is_elsewhere = claimed is Unclaimed.HELD_ELSEWHERE
            is_forlorn = claimed is Unclaimed.HELD_HERE and not self._context.chunks.of_chunk(
                chunk_id
            )
            if not (delivery.redelivered and (is_elsewhere or is_forlorn)):
                return claimed
            await asyncio.sleep(lease_seconds * random.uniform(0.3, 0.5))
        return None

    async def attempt(self, claimed: ChunkClaim, delivery: Delivery) -> None:
        """Do the chunk, and settle its deliveries."""
        with self._context.chunks.hold(claimed) as attempt:
            attempt.deliveries.append(delivery)
            returned = True
            try:
                returned = await self._executor.work_directly(attempt)
            finally:
                attempt.settle(returned=returned)

    def decline(self, chunk_id: UUID, reason: Unclaimed, delivery: Delivery) -> None:
        """Settle a delivery for which there is nothing to do; its run is closed by the reaper."""
        log.info("nothing to do", chunk_id=str(chunk_id), reason=reason.name.lower())
        attempt = self._context.chunks.of_chunk(chunk_id)
        if reason is Unclaimed.HELD_HERE and delivery.redelivered and attempt is not None:
            attempt.deliveries.append(delivery)  # adopted: the first one was lost on its way
            return
        delivery.ack()
