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
    BulkLabel,
    JobLabel,
    chunk_label,
    hosts_of,
)
from flows.runs.worker_context import WorkerContext
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor
from flows.runtime.prefect_limits import PrefectLimits
from infra.contract.errors import Rejected
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from tasks.chunks.claim import describe_chunk
from tasks.chunks.release import release_run
from tasks.chunks.status import chunk_status
from tasks.jobs.cancel import cancel
from tasks.jobs.claim import Unclaimed
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

    async def carry(self, job_id: UUID) -> Unclaimed | None:
        """Have the pool run the job; return what ended it, or None when no limit stands now."""

        async def look() -> Unclaimed | Schedule | None:
            status = await self._context.status(job_id)
            ended = _ended(status)
            if status is None or ended is not None:
                return ended
            waits = status.state is JobState.QUEUED
            return partial(self._schedule, status) if waits else None

        return await self._carry(look, Lane.INTERACTIVE)

    async def carry_chunk(self, chunk_id: UUID) -> Unclaimed | None:
        """Do the same for a chunk."""
        resources = self._context.resources

        async def look() -> Unclaimed | Schedule | None:
            status = await resources.db(chunk_status, chunk_id)
            if status is None:
                return Unclaimed.ABSENT
            if status.is_done:
                return Unclaimed.FINAL
            return partial(self._schedule_chunk, chunk_id) if status.waits else None

        return await self._carry(look, Lane.BULK)

    async def _carry(
        self, look: Callable[[], Awaitable["Unclaimed | Schedule | None"]], lane: Lane
    ) -> Unclaimed | None:
        scheduled_at = float("-inf")
        while self._context.breaker.is_admitting and await self._prefect_limits.is_limited(lane):
            found = await look()
            if isinstance(found, Unclaimed):
                return found
            is_due = monotonic() - scheduled_at > _SCHEDULE_AGAIN_SECONDS
            if found is not None and is_due and await self._try_to_schedule(found, lane):
                scheduled_at = monotonic()
            await asyncio.sleep(_LOOK_SECONDS)
        return None

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
        label = await resources.db(_chunk_label, chunk_id)
        if label is None:
            return
        flow_run = await self._context.flow_runs.of_job(label, awaiting_slot())
        taken = await self._context.flow_runs.schedule(flow_run)
        if taken is TakeResult.CANCELLED:
            await resources.db(release_run, flow_run.id)
            return
        self._wake()

    async def _schedule(self, status: JobStatus) -> None:
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
        flow_run = await self._context.flow_runs.of_job(label, awaiting_slot())
        taken = await self._context.flow_runs.schedule(flow_run)
        if taken is TakeResult.CANCELLED:
            with suppress(Rejected):  # it has ended meanwhile
                await resources.db(cancel, status.job_id)
            return
        self._wake()


Schedule = Callable[[], Awaitable[None]]


def _chunk_label(database: Database, chunk_id: UUID) -> BulkLabel | None:
    chunk = describe_chunk(database, chunk_id)
    return None if chunk is None else chunk_label(chunk)


def _ended(status: JobStatus | None) -> Unclaimed | None:
    if status is None:
        return Unclaimed.ABSENT
    if status.state.is_final:
        return Unclaimed.FINAL
    return Unclaimed.PARKED if status.is_parked else None
