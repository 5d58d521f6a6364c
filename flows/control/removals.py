"""Removes objects whose rows are gone, behind the requests and collections that asked for it.

Every worker does this; a row in PostgreSQL says what is left to do, whichever process dies.
"""

import asyncio
import random

import structlog

from flows.runs.worker_context import WorkerContext
from infra.contract.errors import ServiceUnavailable
from tasks.contents.remove import remove_requested

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0


class ObjectRemoval:
    """Used only from the event loop."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS * random.uniform(0.8, 1.2))
            if not self._context.breaker.is_admitting:
                continue
            try:
                await self.remove()
            except ServiceUnavailable as exc:  # work that needs the part closes the intake
                log.warning("objects are removed later", code=exc.code)

    async def remove(self) -> None:
        """Remove all that may go now."""
        resources = self._context.resources
        while await resources.db(remove_requested, resources.store):
            continue
