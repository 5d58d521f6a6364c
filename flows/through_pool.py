"""The way of a job while a concurrency limit stands: through the work pool, like a person's run.

The bridge keeps the delivery until the job is final, so that RabbitMQ holds the backlog and at
most as many runs are scheduled as workers have slots.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from uuid import UUID

import structlog
from httpx import HTTPError
from prefect.exceptions import PrefectException

from flows.desk import Desk
from flows.flow_runs import Taken, awaiting_slot
from flows.gate import Obstacle
from flows.health import Health
from flows.job_label import JobLabel, hosts_of
from flows.traffic import Traffic
from flows.workshop import in_thread
from infra.errors import Rejected
from infra.states import JobState
from tasks.cancel import cancel
from tasks.claim import Unclaimed
from tasks.read_job import read_job
from tasks.standing import Standing

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_SCHEDULE_AGAIN_SECONDS = 15.0  # in case the run ended without its job


class ThroughPool:
    """Used only from the event loop."""

    def __init__(
        self, desk: Desk, health: Health, traffic: Traffic, *, nudge: Callable[[], Awaitable[None]]
    ) -> None:
        """`nudge` makes this process's poller look at once."""
        self._desk = desk
        self._health = health
        self._traffic = traffic
        self._nudge = nudge

    async def carry(self, job_id: UUID) -> Unclaimed | None:
        """Have the pool run the job; return what ended it, or None when no limit stands now."""
        scheduled_at = float("-inf")
        while self._desk.gate.is_open and await self._traffic.is_limited():
            standing = await self._desk.standing(job_id)
            ended = _ended(standing)
            if standing is None or ended is not None:
                return ended
            is_due = monotonic() - scheduled_at > _SCHEDULE_AGAIN_SECONDS
            is_due = is_due and standing.state is JobState.QUEUED
            if is_due and await self._try_to_schedule(standing):
                scheduled_at = monotonic()
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    async def _try_to_schedule(self, standing: Standing) -> bool:
        """Have the job's run taken by a poller; False when that has to be tried again soon."""
        try:
            if self._traffic.runs_hold_slots and await self._desk.flow_runs.any_without_slot():
                return False
            await self._schedule(standing)
        except (HTTPError, PrefectException) as exc:
            log.warning("run not scheduled", job_id=str(standing.job_id), error=repr(exc))
            await self._health.suspect(Obstacle.PREFECT)
            return False
        return True

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
        await self._nudge()


def _ended(standing: Standing | None) -> Unclaimed | None:
    if standing is None:
        return Unclaimed.ABSENT
    if standing.state.is_final:
        return Unclaimed.FINAL
    return Unclaimed.PARKED if standing.is_parked else None
