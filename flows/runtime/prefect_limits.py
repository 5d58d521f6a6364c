"""Watches limits, pauses and deployments in Prefect.

The direct path neither takes nor respects concurrency slots, so it is used only while there is
no limit. Who starts a job asks here, and what is read is then at most a few seconds old; while
Prefect is slow, a quarter of a minute. While no job comes, Prefect is hardly asked.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flows.runs.labels import CHUNK_DEPLOYMENT, DEPLOYMENT
from flows.runtime.circuit_breaker import CircuitBreaker, PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor
from infra.contract.states import Lane

log = structlog.get_logger(__name__)

_DEPLOYMENTS = {Lane.INTERACTIVE: DEPLOYMENT, Lane.BULK: CHUNK_DEPLOYMENT}
_WORDS = {Lane.INTERACTIVE: "jobs", Lane.BULK: "chunks"}
_LOOK_SECONDS = 3.0  # while the intake is closed: no job comes that would ask
_IDLE_LOOK_SECONDS = 60.0
_STEP_SECONDS = 0.5
_FRESH_SECONDS = 5.0
_USABLE_SECONDS = 15.0  # while a look takes its time
_PATIENCE_SECONDS = 30.0  # far above what a busy machine shows
_STALE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Found:
    """What Prefect says of our deployments, their pool and their queue."""

    deployments: Mapping[Lane, DeploymentResponse]
    pool: WorkPool
    queue: WorkQueue | None


class PrefectLimits:
    """Used only from the event loop."""

    def __init__(
        self,
        client: PrefectClient,
        work_pool: str,
        *,
        breaker: CircuitBreaker,
        monitor: DependencyMonitor,
    ) -> None:
        self._client = client
        self._work_pool = work_pool
        self._breaker = breaker
        self._monitor = monitor
        self._holds_slots = dict.fromkeys(Lane, False)
        self._counts_runs = False
        self._limited = dict.fromkeys(Lane, False)
        self._seen_at = float("-inf")
        self._looking = asyncio.Lock()

    def holds_slots(self, lane: Lane) -> bool:
        """Whether the lane's deployment has a limit: its slots are held, those of pools counted."""
        return self._holds_slots[lane]

    async def is_limited(self, lane: Lane = Lane.INTERACTIVE) -> bool:
        """Whether runs of the lane must go through the work pool, which counts slots.

        While a busy Prefect takes its time to answer, what was read a little earlier counts.
        """
        is_usable = monotonic() - self._seen_at <= _USABLE_SECONDS
        if not (is_usable and self._looking.locked()):
            async with self._looking:
                if monotonic() - self._seen_at > _FRESH_SECONDS:
                    await self._look()
        return self._limited[lane]

    async def counts_runs(self) -> bool:
        """Whether the pool or the queue has a limit, so that runs taken at once may be too many."""
        await self.is_limited()
        return self._counts_runs

    async def run(self) -> None:
        """Look for ever: often while the intake is closed, which only a look may open."""
        while True:
            if self._breaker.reasons or monotonic() - self._seen_at > _IDLE_LOOK_SECONDS:
                async with self._looking:
                    await self._look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        """Read limits and pauses, unless Prefect is away or goes away meanwhile."""
        if PauseReason.PREFECT in self._breaker.reasons:
            return
        reading = asyncio.create_task(self._read())
        end = monotonic() + _PATIENCE_SECONDS  # the client would retry for a minute
        try:
            while not reading.done():
                if PauseReason.PREFECT in self._breaker.reasons or monotonic() > end:
                    self._note_unread("Prefect took too long")
                    return
                await asyncio.wait([reading], timeout=_STEP_SECONDS)
        finally:
            reading.cancel()
        try:
            found = reading.result()
        except ObjectNotFound:
            self._breaker.pause(PauseReason.UNDEPLOYED, "run `python -m flows.deploy`")
        except Exception as exc:  # noqa: BLE001 - whatever it is, look again soon
            await self._monitor.suspect(PauseReason.PREFECT)
            self._note_unread(repr(exc))
        else:
            self._breaker.resume(PauseReason.UNREADABLE)
            self._breaker.resume(PauseReason.UNDEPLOYED)
            self._note(found)

    async def _read(self) -> _Found:
        """Ask side by side: on a busy machine each answer takes its time."""
        single, chunk, pool = await asyncio.gather(
            self._client.read_deployment_by_name(_DEPLOYMENTS[Lane.INTERACTIVE]),
            self._client.read_deployment_by_name(_DEPLOYMENTS[Lane.BULK]),
            self._client.read_work_pool(self._work_pool),
        )
        queue = None
        if single.work_queue_id is not None:
            queue = await self._client.read_work_queue(single.work_queue_id)
        return _Found({Lane.INTERACTIVE: single, Lane.BULK: chunk}, pool, queue)

    def _note_unread(self, reason: str) -> None:
        """Without knowing of limits, no job may start; what was read a moment ago still holds."""
        if monotonic() - self._seen_at > _STALE_SECONDS:
            self._breaker.pause(PauseReason.UNREADABLE, reason)

    def _note(self, found: _Found) -> None:
        self._seen_at = monotonic()
        pool, queue = found.pool, found.queue
        counted = (pool.concurrency_limit, queue.concurrency_limit if queue is not None else None)
        self._counts_runs = any(limit is not None for limit in counted)
        for lane, deployment in found.deployments.items():
            self._holds_slots[lane] = deployment.global_concurrency_limit is not None
            is_limited = deployment.concurrency_limit is not None or self._holds_slots[lane]
            is_limited = is_limited or self._counts_runs
            if is_limited != self._limited[lane]:
                self._limited[lane] = is_limited
                what = _WORDS[lane]
                log.info(
                    f"{what} go through the work pool" if is_limited else f"{what} run directly"
                )
        self._note_pauses(found)

    def _note_pauses(self, found: _Found) -> None:
        """Whatever is paused stops both lanes: there is one tap for both."""
        deployments, pool, queue = found.deployments, found.pool, found.queue
        candidates = (
            ("the deployment", deployments[Lane.INTERACTIVE].paused),
            ("the deployment of chunks", deployments[Lane.BULK].paused),
            ("the work pool", pool.is_paused),
            ("the work queue", queue is not None and queue.is_paused),
        )
        paused = [name for name, is_paused in candidates if is_paused]
        if paused:
            self._breaker.pause(PauseReason.PAUSED, " and ".join(paused))
        else:
            self._breaker.resume(PauseReason.PAUSED)
