"""Opens the gate again: asks the parts that are away until they answer."""

import asyncio
import random
from collections.abc import Callable, Mapping

import structlog

from flows.gate import Gate, Obstacle
from flows.workshop import Workshop, in_thread
from infra.errors import ServiceUnavailable
from infra.http import probe_prefect

log = structlog.get_logger(__name__)

_PROBE_SECONDS = 1.0


class Health:
    """Used only from the event loop."""

    def __init__(self, workshop: Workshop, gate: Gate) -> None:
        self._workshop = workshop
        self._gate = gate
        api_url = workshop.configuration.prefect.api_url
        self._probes: Mapping[Obstacle, Callable[[], None]] = {
            Obstacle.DATABASE: workshop.database.probe,
            Obstacle.STORE: workshop.store.probe,
            Obstacle.PREFECT: lambda: probe_prefect(api_url),
        }

    async def suspect(self, obstacle: Obstacle) -> None:
        """Ask a part that seemed to fail, and close the gate when it does not answer."""
        reason = await self._ask(obstacle)
        if reason is not None:
            self._gate.close(obstacle, reason)

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            for obstacle in self._gate.obstacles:
                if obstacle in self._probes:
                    await self._try_to_open(obstacle)
            await asyncio.sleep(_PROBE_SECONDS * random.uniform(0.8, 1.2))

    async def _try_to_open(self, obstacle: Obstacle) -> None:
        if self._gate.may_open(obstacle) and await self._ask(obstacle) is None:
            self._gate.open(obstacle)

    async def _ask(self, obstacle: Obstacle) -> str | None:
        """Return why the part does not answer, or None when it does."""
        try:
            await in_thread(self._workshop.duty_threads, self._probes[obstacle])
        except ServiceUnavailable as exc:
            return exc.detail
        except Exception as exc:  # a surprise must not end the asking, nor open the gate
            log.exception("part not asked", part=str(obstacle))
            return repr(exc)
        return None
