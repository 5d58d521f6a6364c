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

from flows.runs.bulk_labels import CHUNK_DEPLOYMENT, BulkLabel, chunk_label
from flows.runs.flow_run_client import Taken, awaiting_slot
from flows.runs.labels import DEPLOYMENT, JobLabel, hosts_of
from flows.runs.worker_context import Desk
from flows.runtime.circuit_breaker import Obstacle
from flows.runtime.dependency_monitor import Health
from flows.runtime.prefect_limits import Traffic
from flows.runtime.resources import in_thread
from infra.contract.errors import Rejected
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from tasks.chunks.claim import describe_chunk
from tasks.chunks.release import release_run
from tasks.chunks.status import chunk_standing
from tasks.jobs.cancel import cancel
from tasks.jobs.claim import Unclaimed
from tasks.jobs.read import read_job
from tasks.jobs.status import Standing

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_SCHEDULE_AGAIN_SECONDS = 15.0  # in case the run ended without its job


class ThroughPool:
    """Used only from the event loop."""

    def __init__(
        self, desk: Desk, health: Health, traffic: Traffic, *, wake: Callable[[], None]
    ) -> None:
        """`wake` makes this process's poller look at once, without waiting for that."""
        self._desk = desk
        self._health = health
        self._traffic = traffic
        self._wake = wake

    async def carry(self, job_id: UUID) -> Unclaimed | None:
        """Have the pool run the job; return what ended it, or None when no limit stands now."""

        async def look() -> Unclaimed | Schedule | None:
            standing = await self._desk.standing(job_id)
            ended = _ended(standing)
            if standing is None or ended is not None:
                return ended
            waits = standing.state is JobState.QUEUED
            return partial(self._schedule, standing) if waits else None

        return await self._carry(look, Lane.INTERACTIVE)

    async def carry_chunk(self, chunk_id: UUID) -> Unclaimed | None:
        """Do the same for a chunk."""
        shop = self._desk.workshop

        async def look() -> Unclaimed | Schedule | None:
            standing = await in_thread(shop.io_threads, chunk_standing, shop.database, chunk_id)
            if standing is None:
                return Unclaimed.ABSENT
            if standing.is_done:
                return Unclaimed.FINAL
            return partial(self._schedule_chunk, chunk_id) if standing.waits else None

        return await self._carry(look, Lane.BULK)

    async def _carry(
        self, look: Callable[[], Awaitable["Unclaimed | Schedule | None"]], lane: Lane
    ) -> Unclaimed | None:
        scheduled_at = float("-inf")
        while self._desk.gate.is_open and await self._traffic.is_limited(lane):
            found = await look()
            if isinstance(found, Unclaimed):
                return found
            is_due = monotonic() - scheduled_at > _SCHEDULE_AGAIN_SECONDS
            if found is not None and is_due and await self._try_to_schedule(found, lane):
                scheduled_at = monotonic()
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _try_to_schedule(self, schedule: "Schedule", lane: Lane) -> bool:
        """Have the run taken by a poller; False when that has to be tried again soon."""
        name = CHUNK_DEPLOYMENT if lane is Lane.BULK else DEPLOYMENT
        try:
            holds_slots = self._traffic.holds_slots(lane)
            if holds_slots and await self._desk.flow_runs.any_without_slot(name):
                return False
            await schedule()
        except (HTTPError, PrefectException) as exc:
            log.warning("run not scheduled", error=repr(exc))
            await self._health.suspect(Obstacle.PREFECT)
            return False
        return True

    async def _schedule_chunk(self, chunk_id: UUID) -> None:
        shop = self._desk.workshop
        label = await in_thread(shop.io_threads, _chunk_label, shop.database, chunk_id)
        if label is None:
            return
        flow_run = await self._desk.flow_runs.of_job(label, awaiting_slot())
        taken = await self._desk.flow_runs.schedule(flow_run)
        if taken is Taken.CANCELLED:
            await in_thread(shop.io_threads, release_run, shop.database, flow_run.id)
            return
        self._wake()

    async def _schedule(self, standing: Standing) -> None:
        shop = self._desk.workshop
        job = await in_thread(shop.io_threads, read_job, shop.database, standing.job_id)
        if job is None:
            return
        label = JobLabel(
            job_id=standing.job_id,
            round=standing.round,
            flow_run_id=standing.flow_run_id,
            product_id=job.summary.product_id,
            sku=job.summary.sku,
            lane=job.summary.lane,
            image_count=len(job.images),
            hosts=hosts_of(image.source_url for image in job.images),
        )
        flow_run = await self._desk.flow_runs.of_job(label, awaiting_slot())
        taken = await self._desk.flow_runs.schedule(flow_run)
        if taken is Taken.CANCELLED:
            with suppress(Rejected):  # it has ended meanwhile
                await in_thread(shop.io_threads, cancel, shop.database, standing.job_id)
            return
        self._wake()


Schedule = Callable[[], Awaitable[None]]


def _chunk_label(database: Database, chunk_id: UUID) -> BulkLabel | None:
    chunk = describe_chunk(database, chunk_id)
    return None if chunk is None else chunk_label(chunk)


def _ended(standing: Standing | None) -> Unclaimed | None:
    if standing is None:
        return Unclaimed.ABSENT
    if standing.state.is_final:
        return Unclaimed.FINAL
    return Unclaimed.PARKED if standing.is_parked else None
