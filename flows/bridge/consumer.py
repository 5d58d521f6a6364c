"""The bridge: one RabbitMQ delivery becomes one flow run, acknowledged when the job is final.

The delivery stays unacknowledged while the job runs, so that a killed worker's jobs come back
by themselves. The job's row decides what happens to a delivery, never Prefect's state.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from uuid import UUID

import structlog

from flows.bridge.chunk_consumer import ChunkConsumer
from flows.bridge.via_work_pool import ViaWorkPool
from flows.execution.job_executor import JobExecutor
from flows.runs.worker_context import WorkerContext
from flows.runtime.prefect_limits import PrefectLimits
from infra.broker.broker import Delivery
from infra.contract.errors import ServiceUnavailable
from infra.contract.messages import ChunkMessage, Message, UndecodableMessage, decode_message
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Claim, Unclaimed

log = structlog.get_logger(__name__)

_OUTAGE_WAIT_SECONDS = 1.0
_SURPRISE_WAIT_SECONDS = 5.0
_FINAL = (Unclaimed.FINAL, Unclaimed.GAVE_UP, Unclaimed.CANCELLED)


class JobConsumer:
    """Lives in the event loop of the warm runner."""

    def __init__(
        self,
        context: WorkerContext,
        job_executor: JobExecutor,
        *,
        prefect_limits: PrefectLimits,
        through_pool: ViaWorkPool,
        chunks: ChunkConsumer,
    ) -> None:
        self._context = context
        self._job_executor = job_executor
        self._prefect_limits = prefect_limits
        self._through_pool = through_pool
        self._chunks = chunks
        self._waiting: set[asyncio.Task[object]] = set()

    async def handle(self, delivery: Delivery) -> None:
        """Settle one delivery, however long its job takes."""
        try:
            message = decode_message(delivery.body)
        except UndecodableMessage as exc:
            log.warning("undecodable message", reason=str(exc))
            delivery.dead_letter()
            return
        try:
            await self._try_to_serve(message, delivery)
        except BaseException:
            delivery.requeue()
            raise

    async def _try_to_serve(self, message: Message, delivery: Delivery) -> None:
        try:
            if isinstance(message, ChunkMessage):
                await self._serve_chunk(message.chunk_id, delivery)
            else:
                await self._serve(message.job_id, delivery)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            await asyncio.sleep(_OUTAGE_WAIT_SECONDS)
            delivery.requeue()
        except Exception:  # a delivery must never stay unsettled
            log.exception("delivery not served", **_subject(message))
            await asyncio.sleep(_SURPRISE_WAIT_SECONDS)
            delivery.requeue()

    def send_back_waiting(self) -> None:
        """Give back the deliveries whose jobs this process does not work on."""
        for task in list(self._waiting):
            task.cancel()

    async def _serve(self, job_id: UUID, delivery: Delivery) -> None:
        async with AsyncExitStack() as stack:
            with self._sent_back_meanwhile():
                await stack.enter_async_context(self._context.start_limit.turn(self._is_closed))
                claimed = await self._claim(job_id, delivery)
            if isinstance(claimed, Claim):
                await self._attempt(claimed, delivery)
                return
        if claimed is None:
            delivery.requeue()
        else:
            await self._decline(job_id, claimed, delivery)

    async def _serve_chunk(self, chunk_id: UUID, delivery: Delivery) -> None:
        with self._sent_back_meanwhile():
            claimed = await self._chunks.claim(chunk_id, delivery)
        if isinstance(claimed, ChunkClaim):
            await self._chunks.attempt(claimed, delivery)
        elif claimed is None:
            delivery.requeue()
        else:
            self._chunks.decline(chunk_id, claimed, delivery)

    @contextmanager
    def _sent_back_meanwhile(self) -> Iterator[None]:
        """While inside, `send_back_waiting` may cancel this task."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a delivery is served by an asyncio task")
        self._waiting.add(task)
        try:
            yield
        finally:
            self._waiting.discard(task)

    async def _claim(self, job_id: UUID, delivery: Delivery) -> Claim | Unclaimed | None:
        """Return the claim or what decides against it; None when the intake closed meanwhile."""
        lease_seconds = self._context.resources.configuration.job.lease_seconds
        while self._context.breaker.is_admitting:
            if await self._prefect_limits.is_limited():
                ended = await self._through_pool.carry(job_id)
                if ended is not None:
                    return ended
                continue
            if self._context.breaker.reasons:  # closed by that very look
                break
            claimed = await self._context.claim(job_id)
            is_elsewhere = claimed is Unclaimed.HELD_ELSEWHERE
            is_forlorn = claimed is Unclaimed.HELD_HERE and not self._context.attempts.of_job(
                job_id
            )
            if not (delivery.redelivered and (is_elsewhere or is_forlorn)):
                return claimed
            await asyncio.sleep(lease_seconds * random.uniform(0.3, 0.5))
        return None

    def _is_closed(self) -> bool:
        return not self._context.breaker.is_admitting

    async def _attempt(self, claimed: Claim, delivery: Delivery) -> None:
        with self._context.attempts.hold(claimed) as attempt:
            attempt.deliveries.append(delivery)
            returned = True
            try:
                returned = await self._job_executor.work_directly(attempt)
            finally:
                attempt.settle(returned=returned)

    async def _decline(self, job_id: UUID, reason: Unclaimed, delivery: Delivery) -> None:
        log.info("nothing to do", job_id=str(job_id), reason=reason.name.lower())
        attempt = self._context.attempts.of_job(job_id)
        if reason is Unclaimed.HELD_HERE and delivery.redelivered and attempt is not None:
            attempt.deliveries.append(delivery)  # adopted: the first one was lost on its way
            return
        if reason in _FINAL:
            await self._close_flow_run(job_id)
        delivery.ack()

    async def _close_flow_run(self, job_id: UUID) -> None:
        """Close the run of a job whose worker died between recording and telling Prefect."""
        status = await self._context.status(job_id)
        if status is None:
            return
        try:
            await self._context.flow_runs.show_end(status)
        except Exception as exc:  # noqa: BLE001 - Prefect only shows the job; the reaper comes by
            log.info("run not closed", job_id=str(job_id), error=repr(exc))


def _subject(message: Message) -> dict[str, str]:
    if isinstance(message, ChunkMessage):
        return {"chunk_id": str(message.chunk_id)}
    return {"job_id": str(message.job_id)}
