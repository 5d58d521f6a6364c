"""The bridge: one RabbitMQ delivery becomes one flow run, acknowledged when the job is final.

The delivery stays unacknowledged while the job runs, so that a killed worker's jobs come back
by themselves. The job's row decides what happens to a delivery, never Prefect's state.
"""

import asyncio
import random
from uuid import UUID

import structlog

from flows.desk import Desk
from flows.flow_runs import FlowRuns
from flows.process_product import INTERRUPTED, process_product
from flows.runner import run_flow_here
from flows.workshop import in_thread
from infra.broker.broker import Delivery
from infra.errors import ServiceUnavailable
from infra.messages import JobMessage, UndecodableMessage
from tasks.claim import Claim, Unclaimed
from tasks.lease import give_back, link_flow_run
from tasks.read_job import read_job

log = structlog.get_logger(__name__)

_OUTAGE_WAIT_SECONDS = 5.0


class Bridge:
    """Lives in the event loop of the warm runner."""

    def __init__(self, desk: Desk, flow_runs: FlowRuns) -> None:
        self._desk = desk
        self._flow_runs = flow_runs
        self._under_way: set[asyncio.Task[object]] = set()
        self._adopted: dict[UUID, list[Delivery]] = {}

    async def handle(self, delivery: Delivery) -> None:
        """Settle one delivery, however long its job takes."""
        try:
            message = JobMessage.decode(delivery.body)
        except UndecodableMessage as exc:
            log.warning("undecodable message", reason=str(exc))
            delivery.dead_letter()
            return
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a delivery is handled by an asyncio task")
        self._under_way.add(task)
        try:
            await self._settle(message.job_id, delivery)
        except asyncio.CancelledError:
            delivery.requeue()
            raise
        finally:
            self._under_way.discard(task)

    async def drain(self, grace_seconds: float) -> None:
        """Wait for the jobs under way; give back those that need longer than the grace."""
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=grace_seconds)
        for task in late:
            task.cancel()
        if late:
            log.warning("giving back", jobs=len(late))
            await asyncio.wait(late)

    async def _settle(self, job_id: UUID, delivery: Delivery) -> None:
        while True:
            try:
                claimed = await self._desk.claim(job_id)
            except ServiceUnavailable as exc:
                log.warning("claim waits", job_id=str(job_id), code=exc.code)
                await _pause(_OUTAGE_WAIT_SECONDS)
                continue
            if isinstance(claimed, Claim):
                await self._work(claimed, delivery)
                return
            if claimed is Unclaimed.HELD_ELSEWHERE and delivery.redelivered:
                await _pause(self._desk.workshop.configuration.worker.lease_seconds)
                continue
            await self._decline(job_id, claimed, delivery)
            return

    async def _decline(self, job_id: UUID, reason: Unclaimed, delivery: Delivery) -> None:
        log.info("nothing to do", job_id=str(job_id), reason=reason.name.lower())
        if reason is Unclaimed.HELD_HERE and delivery.redelivered:
            self._adopted[job_id].append(delivery)
            return
        if reason in (Unclaimed.FINAL, Unclaimed.GAVE_UP):
            await self._close_flow_run(job_id)
        delivery.ack()

    async def _close_flow_run(self, job_id: UUID) -> None:
        """Close the run of a job whose worker died between recording and telling Prefect."""
        shop = self._desk.workshop
        job = await in_thread(shop.io_threads, read_job, shop.database, job_id)
        if job is None or job.summary.flow_run_id is None or not job.summary.state.is_final:
            return
        try:
            await self._flow_runs.close(job.summary.flow_run_id, job.summary.state)
        except Exception:  # Prefect only shows the job; what it misses costs no job anything
            log.warning("flow run not closed", job_id=str(job_id), exc_info=True)

    async def _work(self, claimed: Claim, delivery: Delivery) -> None:
        deliveries = self._adopted[claimed.job_id] = [delivery]
        counts = False
        try:
            counts = await self._run(claimed)
        finally:
            returned = await asyncio.shield(self._return_unfinished(claimed, counts=counts))
            if returned:
                await _pause_unless_cancelled(_OUTAGE_WAIT_SECONDS)
            del self._adopted[claimed.job_id]
            for held in deliveries:
                held.requeue() if returned else held.ack()

    async def _run(self, claimed: Claim) -> bool:
        """Run the job's flow; return whether an unfinished job speaks against the job."""
        try:
            flow_run = await self._flow_runs.for_job(claimed)
            shop = self._desk.workshop
            await in_thread(shop.io_threads, link_flow_run, shop.database, claimed, flow_run.id)
            self._desk.hand_over(claimed)
            state = await run_flow_here(process_product, flow_run)
        except asyncio.CancelledError:
            raise
        except BaseException as exc:  # Prefect away, or its Abort: neither is a job's result
            if isinstance(exc, KeyboardInterrupt | SystemExit):
                raise
            log.warning("run broken off", job_id=str(claimed.job_id), error=repr(exc))
            return False
        return state.name != INTERRUPTED

    async def _return_unfinished(self, claimed: Claim, *, counts: bool) -> bool:
        """Give the job back if it is still ours; return whether its deliveries must go back."""
        shop = self._desk.workshop
        try:
            return await in_thread(
                shop.io_threads, give_back, shop.database, claimed, counts=counts
            )
        except ServiceUnavailable:
            return True  # the lease will expire; the delivery must not be lost


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds * random.uniform(0.8, 1.2))


async def _pause_unless_cancelled(seconds: float) -> None:
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        await _pause(seconds)
