"""Refuses Pause and Suspend of a run in Prefect's UI: its work goes on, and its page says so.

A job is never left midway: what is paused is the pool, its queue or a deployment, and what ends a
run is cancelling it. An event reports the attempt at once; a look every few seconds catches
what was missed. A refused run shows again what it showed before.
"""

import asyncio
import random
from contextlib import suppress
from uuid import UUID

import structlog
from prefect.client.schemas.objects import StateType

from flows.runs.worker_context import WorkerContext
from flows.runtime.circuit_breaker import PauseReason

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 10.0
_SPREAD_SECONDS = 0.5  # within it one of the workers refuses, and the others see that


class Suspensions:
    """Used only from the event loop."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._heard = asyncio.Event()

    def hear(self, _: UUID) -> None:
        """Look soon, because a run is said to be paused; returns at once."""
        self._heard.set()

    async def run(self) -> None:
        """Look for ever, also while the pool is paused."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._heard.wait()
                await asyncio.sleep(random.uniform(0, _SPREAD_SECONDS))
            self._heard.clear()
            if PauseReason.PREFECT in self._context.breaker.reasons:
                continue
            try:
                await self.refuse()
            except Exception as exc:  # noqa: BLE001 - Prefect away: look again later
                log.debug("not looking", error=repr(exc))

    async def refuse(self) -> None:
        """Look once."""
        flow_runs = self._context.flow_runs
        for flow_run in await flow_runs.in_states([StateType.PAUSED]):
            refused = await flow_runs.undo_pause(flow_run)
            log.info("pause refused" if refused else "pause over", flow_run_id=str(flow_run.id))
