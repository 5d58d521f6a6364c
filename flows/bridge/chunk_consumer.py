"""Serves deliveries that are about chunks, as the bridge serves those about jobs."""

import asyncio
import random
from uuid import UUID

import structlog

from flows.bridge.via_work_pool import ThroughPool
from flows.execution.chunk_executor import ChunkBench
from flows.runs.worker_context import Desk
from flows.runtime.prefect_limits import Traffic
from infra.broker.broker import Delivery
from infra.contract.states import Lane
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Unclaimed

log = structlog.get_logger(__name__)


class ChunkBridge:
    """Lives in the event loop of the warm runner."""

    def __init__(
        self, desk: Desk, bench: ChunkBench, *, traffic: Traffic, through_pool: ThroughPool
    ) -> None:
        self._desk = desk
        self._bench = bench
        self._traffic = traffic
        self._through_pool = through_pool

    async def claim(self, chunk_id: UUID, delivery: Delivery) -> ChunkClaim | Unclaimed | None:
        """Return the claim or what decides against it; None when the gate closed meanwhile."""
        lease_seconds = self._desk.workshop.configuration.job.lease_seconds
        while self._desk.gate.is_open:
            if await self._traffic.is_limited(Lane.BULK):
                ended = await self._through_pool.carry_chunk(chunk_id)
                if ended is not None:
                    return ended
                continue
            if self._desk.gate.obstacles:  # closed by that very look
                break
            claimed = await self._desk.claim_chunk(chunk_id)
            is_elsewhere = claimed is Unclaimed.HELD_ELSEWHERE
            is_forlorn = claimed is Unclaimed.HELD_HERE and not self._desk.chunks.of_chunk(chunk_id)
            if not (delivery.redelivered and (is_elsewhere or is_forlorn)):
                return claimed
            await asyncio.sleep(lease_seconds * random.uniform(0.3, 0.5))
        return None

    async def attempt(self, claimed: ChunkClaim, delivery: Delivery) -> None:
        """Do the chunk, and settle its deliveries."""
        with self._desk.chunks.hold(claimed) as attempt:
            attempt.deliveries.append(delivery)
            returned = True
            try:
                returned = await self._bench.work_directly(attempt)
            finally:
                attempt.settle(returned=returned)

    def decline(self, chunk_id: UUID, reason: Unclaimed, delivery: Delivery) -> None:
        """Settle a delivery for which there is nothing to do; its run is closed by the reaper."""
        log.info("nothing to do", chunk_id=str(chunk_id), reason=reason.name.lower())
        attempt = self._desk.chunks.of_chunk(chunk_id)
        if reason is Unclaimed.HELD_HERE and delivery.redelivered and attempt is not None:
            attempt.deliveries.append(delivery)  # adopted: the first one was lost on its way
            return
        delivery.ack()
