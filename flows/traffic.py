"""Watches what people allow in Prefect: limits, pauses, and whether we are deployed at all.

The direct path neither takes nor respects concurrency slots, so it is used only while there is
no limit. What is read is at most a few seconds old.
"""

import asyncio
from time import monotonic

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flows.flow_runs import DEPLOYMENT
from flows.gate import Gate, Obstacle
from flows.health import Health

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 3.0
_FRESH_SECONDS = 5.0
_PATIENCE_SECONDS = 5.0
_STALE_SECONDS = 15.0


class Traffic:
    """Used only from the event loop."""

    def __init__(
        self, client: PrefectClient, work_pool: str, *, gate: Gate, health: Health
    ) -> None:
        self._client = client
        self._work_pool = work_pool
        self._gate = gate
        self._health = health
        self.runs_hold_slots = False
        """Whether the deployment has a limit: its slots are held, those of pools are counted."""
        self.runs_are_counted = False
        """Whether pool or queue have a limit."""
        self._limited = False
        self._seen_at = float("-inf")
        self._looking = asyncio.Lock()

    async def is_limited(self) -> bool:
        """Whether jobs must go through the work pool, which counts slots."""
        async with self._looking:
            if monotonic() - self._seen_at > _FRESH_SECONDS:
                await self._look()
        return self._limited

    async def run(self) -> None:
        """Look for ever."""
        while True:
            async with self._looking:
                await self._look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> None:
        await self._health.suspect(Obstacle.PREFECT)
        if Obstacle.PREFECT in self._gate.obstacles:
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):  # the client would retry for a minute
                deployment = await self._client.read_deployment_by_name(DEPLOYMENT)
                pool = await self._client.read_work_pool(self._work_pool)
                queue = await self._queue(deployment)
        except ObjectNotFound:
            self._gate.close(Obstacle.UNDEPLOYED, "run `python -m flows.deploy`")
            return
        except TimeoutError:
            await self._health.suspect(Obstacle.PREFECT)
            self._note_unread("Prefect took too long")
            return
        except Exception as exc:  # noqa: BLE001 - it answered a moment ago; look again soon
            self._note_unread(repr(exc))
            return
        self._gate.open(Obstacle.UNREADABLE)
        self._gate.open(Obstacle.UNDEPLOYED)
        self._note(deployment, pool, queue)

    def _note_unread(self, reason: str) -> None:
        """Without knowing of limits, no job may start; what was read a moment ago still holds."""
        if monotonic() - self._seen_at > _STALE_SECONDS:
            self._gate.close(Obstacle.UNREADABLE, reason)

    async def _queue(self, deployment: DeploymentResponse) -> WorkQueue | None:
        if deployment.work_queue_id is None:
            return None
        return await self._client.read_work_queue(deployment.work_queue_id)

    def _note(
        self, deployment: DeploymentResponse, pool: WorkPool, queue: WorkQueue | None
    ) -> None:
        self._seen_at = monotonic()
        self.runs_hold_slots = deployment.global_concurrency_limit is not None
        counted = (pool.concurrency_limit, queue.concurrency_limit if queue is not None else None)
        self.runs_are_counted = any(limit is not None for limit in counted)
        limits = (
            deployment.concurrency_limit,
            deployment.global_concurrency_limit,
            *counted,
        )
        limited = any(limit is not None for limit in limits)
        if limited != self._limited:
            self._limited = limited
            log.info("jobs go through the work pool" if limited else "jobs run directly")
        paused = [
            name
            for name, is_paused in (
                ("the deployment", deployment.paused),
                ("the work pool", pool.is_paused),
                ("the work queue", queue is not None and queue.is_paused),
            )
            if is_paused
        ]
        if paused:
            self._gate.close(Obstacle.PAUSED, " and ".join(paused))
        else:
            self._gate.open(Obstacle.PAUSED)
