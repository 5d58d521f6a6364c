"""Watches what people allow in Prefect: limits, pauses, and whether we are deployed at all.

The direct path neither takes nor respects concurrency slots, so it is used only while there is
no limit. What is read is at most a few seconds old.
"""

import asyncio
from collections.abc import Mapping
from time import monotonic

import structlog
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound

from flows.bulk_labels import CHUNK_DEPLOYMENT
from flows.gate import Gate, Obstacle
from flows.health import Health
from flows.job_label import DEPLOYMENT
from infra.states import Lane

log = structlog.get_logger(__name__)

_DEPLOYMENTS = {Lane.INTERACTIVE: DEPLOYMENT, Lane.BULK: CHUNK_DEPLOYMENT}
_WORDS = {Lane.INTERACTIVE: "jobs", Lane.BULK: "chunks"}
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
        self._holds_slots = dict.fromkeys(Lane, False)
        self.runs_are_counted = False
        """Whether pool or queue have a limit."""
        self._limited = dict.fromkeys(Lane, False)
        self._seen_at = float("-inf")
        self._looking = asyncio.Lock()

    def holds_slots(self, lane: Lane) -> bool:
        """Whether the lane's deployment has a limit: its slots are held, those of pools counted."""
        return self._holds_slots[lane]

    async def is_limited(self, lane: Lane = Lane.INTERACTIVE) -> bool:
        """Whether runs of the lane must go through the work pool, which counts slots."""
        async with self._looking:
            if monotonic() - self._seen_at > _FRESH_SECONDS:
                await self._look()
        return self._limited[lane]

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
                deployments = {
                    lane: await self._client.read_deployment_by_name(name)
                    for lane, name in _DEPLOYMENTS.items()
                }
                pool = await self._client.read_work_pool(self._work_pool)
                queue = await self._queue(deployments[Lane.INTERACTIVE])
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
        self._note(deployments, pool, queue)

    def _note_unread(self, reason: str) -> None:
        """Without knowing of limits, no job may start; what was read a moment ago still holds."""
        if monotonic() - self._seen_at > _STALE_SECONDS:
            self._gate.close(Obstacle.UNREADABLE, reason)

    async def _queue(self, deployment: DeploymentResponse) -> WorkQueue | None:
        if deployment.work_queue_id is None:
            return None
        return await self._client.read_work_queue(deployment.work_queue_id)

    def _note(
        self,
        deployments: Mapping[Lane, DeploymentResponse],
        pool: WorkPool,
        queue: WorkQueue | None,
    ) -> None:
        self._seen_at = monotonic()
        counted = (pool.concurrency_limit, queue.concurrency_limit if queue is not None else None)
        self.runs_are_counted = any(limit is not None for limit in counted)
        for lane, deployment in deployments.items():
            self._holds_slots[lane] = deployment.global_concurrency_limit is not None
            is_limited = deployment.concurrency_limit is not None or self._holds_slots[lane]
            self._note_limit(lane, limited=is_limited or self.runs_are_counted)
        self._note_pauses(deployments, pool, queue)

    def _note_limit(self, lane: Lane, *, limited: bool) -> None:
        if limited != self._limited[lane]:
            self._limited[lane] = limited
            what = _WORDS[lane]
            log.info(f"{what} go through the work pool" if limited else f"{what} run directly")

    def _note_pauses(
        self,
        deployments: Mapping[Lane, DeploymentResponse],
        pool: WorkPool,
        queue: WorkQueue | None,
    ) -> None:
        """Whatever is paused stops both lanes: there is one tap for both."""
        candidates = (
            ("the deployment", deployments[Lane.INTERACTIVE].paused),
            ("the deployment of chunks", deployments[Lane.BULK].paused),
            ("the work pool", pool.is_paused),
            ("the work queue", queue is not None and queue.is_paused),
        )
        paused = [name for name, is_paused in candidates if is_paused]
        if paused:
            self._gate.close(Obstacle.PAUSED, " and ".join(paused))
        else:
            self._gate.open(Obstacle.PAUSED)
