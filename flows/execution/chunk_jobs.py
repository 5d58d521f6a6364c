"""The work of one chunk: its jobs side by side, each claimed, limited and ended like a single one.

A job gets one try per attempt at the chunk. What is not final when the chunk ends leaves it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import structlog
from prefect import State

from flows.execution.job_executor import JobExecutor
from flows.runs.attempts import Attempt, ChunkAttempt, StopReason
from flows.runs.worker_context import WorkerContext
from flows.runtime.gathering import gather_or_cancel, semaphore_slot
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import JobState
from tasks.chunks.finish import finish_chunk
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Unclaimed

log = structlog.get_logger(__name__)

_GIVE_WAY_SECONDS = 0.05  # while an interactive image waits for a pixel process
_CLAIMS_PER_LEASE = 6  # while the lease of a worker that died runs out

Do = Callable[[Attempt], Coroutine[Any, Any, State[Any]]]


class ChunkJobs:
    """Used only from the event loop."""

    def __init__(
        self, context: WorkerContext, job_executor: JobExecutor, attempt: ChunkAttempt
    ) -> None:
        self._context = context
        self._job_executor = job_executor
        self.attempt = attempt
        self.ended: dict[UUID, JobState] = {}
        """The jobs of this attempt that have come to an end."""
        self.skus: dict[UUID, str] = {}
        self._left_out = 0

    @property
    def is_interrupted(self) -> bool:
        """Whether jobs remain that this attempt was not allowed to begin."""
        return self._left_out > 0 and self.attempt.halt is not StopReason.CANCELLED

    async def do_all(self, do: Do) -> None:
        """Do all jobs, as many at once as the worker has bulk slots."""
        self.attempt.begin()
        await gather_or_cancel(self._job(job_id, do) for job_id in self.attempt.claim.job_ids)

    async def finish(self) -> Counter[JobState] | None:
        """End the chunk; its other jobs go back to the batch.

        Return how many of its jobs are in each state, whichever attempt did them; None when the
        chunk was not ours.
        """
        counts = await self._context.resources.db(finish_chunk, self.attempt.claim)
        self.attempt.recorded = True
        return counts

    async def _job(self, job_id: UUID, do: Do) -> None:
        async with semaphore_slot(
            self._context.resources.bulk_slots, unless=self.attempt.halted
        ) as may_begin:
            try:
                if may_begin:
                    async with self._context.bulk_start_limit.turn(lambda: not self._may_begin):
                        await self._do(job_id, do)
                else:
                    self._left_out += 1
            except ServiceUnavailable as exc:
                self._context.breaker.note(exc)
                self._left_out += 1

    async def _do(self, job_id: UUID, do: Do) -> None:
        claimed = await self._claim(job_id)
        if claimed is None:
            self._left_out += 1
            return
        if claimed is Unclaimed.ABSENT:
            return
        if isinstance(claimed, Claim):
            self.skus[job_id] = claimed.sku or str(claimed.product_id)
            with self._context.attempts.hold(claimed) as attempt:
                self.attempt.in_hand.add(attempt)
                try:
                    await self._job_executor.work_beside(attempt, do(attempt))
                finally:
                    self.attempt.in_hand.discard(attempt)
        status = await self._context.status(job_id)
        if status is None:
            return
        if status.state.is_final:
            self.ended[job_id] = status.state
        elif not self._may_begin and not status.is_parked:
            self._left_out += 1

    async def _claim(self, job_id: UUID) -> Claim | Unclaimed | None:
        """Return the claim or what decides against it; None when no job may begin."""
        seconds = self._context.resources.configuration.job.lease_seconds
        pixels = self._context.resources.pixels
        claimed: Claim | Unclaimed | None = None
        for _ in range(2 * _CLAIMS_PER_LEASE):
            while pixels.keeps_interactive_waiting and self._may_begin:
                await asyncio.sleep(_GIVE_WAY_SECONDS)
            if not self._may_begin:
                return None
            claimed = await self._job_executor.claim(job_id)
            if claimed is not Unclaimed.HELD_ELSEWHERE:
                return claimed
            await asyncio.sleep(seconds / _CLAIMS_PER_LEASE * random.uniform(0.8, 1.2))
        return claimed

    @property
    def _may_begin(self) -> bool:
        return self._context.breaker.is_admitting and self.attempt.halt is None
