"""The way of a job while a concurrency limit stands: through the work pool, like a person's run.

The bridge keeps the delivery until the job is final, so that RabbitMQ holds the backlog and at
most as many runs are scheduled as workers have slots.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from uuid import UUID

import structlog
from httpx import HTTPError
from prefect.exceptions import PrefectException

from flows.runs.flow_run_client import TakeResult, awaiting_slot
from flows.runs.labels import (
    CHUNK_DEPLOYMENT,
    DEPLOYMENT,
    JobLabel,
    RunLabel,
    chunk_label,
    hosts_of,
)
from flows.runs.worker_context import WorkerContext
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor
from flows.runtime.prefect_limits import PrefectLimits
from infra.contract.errors import Rejected
from infra.contract.states import JobState, Lane
from tasks.chunks.claim import describe_chunk
from tasks.chunks.finish import release_run
from tasks.chunks.status import chunk_status
from tasks.jobs.cancel import cancel
from tasks.jobs.lease import Unclaimed
from tasks.jobs.read import read_job
from tasks.jobs.status import JobStatus

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_SCHEDULE_AGAIN_SECONDS = 15.0  # in case the run ended without its job


class ViaWorkPool:
    """Used only from the event loop."""

    def __init__(
        self,
        context: WorkerContext,
        monitor: DependencyMonitor,
        prefect_limits: PrefectLimits,
        *,
        wake: Callable[[], None],
    ) -> None:
        """`wake` makes this process's poller look at once, without waiting for that."""
        self._context = context
        self._monitor = monitor
        self._prefect_limits = prefect_limits
        self._wake = wake

    async def carry(self, work_id: UUID, lane: Lane = Lane.INTERACTIVE) -> Unclaimed | None:
        """Have the pool run a job, or a chunk on the bulk lane.

        Return what ended it, or None when no limit stands now.
        """
        look = self._look_at_chunk if lane is Lane.BULK else self._look_at_job
        scheduled_at = float("-inf")
        while self._context.breaker.is_admitting and await self._prefect_limits.is_limited(lane):
            found = await look(work_id)
            if isinstance(found, Unclaimed):
                return found
            is_due = monotonic() - scheduled_at > _SCHEDULE_AGAIN_SECONDS
            if found is not None and is_due and await self._try_to_schedule(found, lane):
                scheduled_at = monotonic()
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _look_at_job(self, job_id: UUID) -> "Unclaimed | Schedule | None":
        status = await self._context.status(job_id)
        if status is None:
            return Unclaimed.ABSENT
        if status.state.is_final:
            return Unclaimed.FINAL
        if status.is_parked:
            return Unclaimed.PARKED
        return partial(self._schedule_job, status) if status.state is JobState.QUEUED else None

    async def _look_at_chunk(self, chunk_id: UUID) -> "Unclaimed | Schedule | None":
        status = await self._context.resources.db(chunk_status, chunk_id)
        if status is None:
            return Unclaimed.ABSENT
        if status.is_done:
            return Unclaimed.FINAL
        return partial(self._schedule_chunk, chunk_id) if status.waits else None

    async def _try_to_schedule(self, schedule: "Schedule", lane: Lane) -> bool:
        """Schedule the run for a poller; False when that must be tried again soon."""
        name = CHUNK_DEPLOYMENT if lane is Lane.BULK else DEPLOYMENT
        try:
            holds_slots = self._prefect_limits.holds_slots(lane)
            if holds_slots and await self._context.flow_runs.any_without_slot(name):
                return False
            await schedule()
        except (HTTPError, PrefectException) as exc:
            log.warning("run not scheduled", error=repr(exc))
            await self._monitor.suspect(PauseReason.PREFECT)
            return False
        return True

    async def _schedule_chunk(self, chunk_id: UUID) -> None:
        resources = self._context.resources
        chunk = await resources.db(describe_chunk, chunk_id)
        cancelled = None if chunk is None else await self._schedule(chunk_label(chunk))
        if cancelled is not None:
            await resources.db(release_run, cancelled)

    async def _schedule_job(self, status: JobStatus) -> None:
        resources = self._context.resources
        job = await resources.db(read_job, status.job_id)
        if job is None:
            return
        label = JobLabel(
            job_id=status.job_id,
            round=status.round,
            flow_run_id=status.flow_run_id,
            product_id=job.summary.product_id,
            sku=job.summary.sku,
            lane=job.summary.lane,
            image_count=len(job.images),
            hosts=hosts_of(image.source_url for image in job.images),
        )
        if await self._schedule(label) is not None:
            with suppress(Rejected):  # it has ended meanwhile
                await resources.db(cancel, status.job_id)

    async def _schedule(self, label: RunLabel) -> UUID | None:
        """Have a run taken by a poller; return its id when it was cancelled instead."""
        flow_run = await self._context.flow_runs.of_job(label, awaiting_slot())
        if await self._context.flow_runs.schedule(flow_run) is TakeResult.CANCELLED:
            return flow_run.id
        self._wake()
        return None


Schedule = Callable[[], Awaitable[None]]
