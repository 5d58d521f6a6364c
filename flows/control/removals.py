"""Removes objects whose rows are gone, behind the requests and collections that asked for it.

Every worker does this; a row in PostgreSQL says what is left to do, whichever process dies.
"""

import asyncio
import random

import structlog

from flows.runs.worker_context import Desk
from flows.runtime.resources import in_thread
from infra.contract.errors import ServiceUnavailable
from tasks.contents.remove import remove_requested

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0


class Removal:
    """Used only from the event loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS * random.uniform(0.8, 1.2))
            if not self._desk.gate.is_open:
                continue
            try:
                await self.remove()
            except ServiceUnavailable as exc:  # work that needs the part closes the gate
                log.warning("objects are removed later", code=exc.code)

    async def remove(self) -> None:
        """Remove all that may go now."""
        shop = self._desk.workshop
        while await in_thread(shop.io_threads, remove_requested, shop.database, shop.store):
            continue
