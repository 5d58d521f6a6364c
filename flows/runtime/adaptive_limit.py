"""How many jobs of a lane are begun at the same time: fewer while a part of the system is slow.

A part that is slow gets less to do at once and so answers sooner; the intake stays open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

import structlog

log = structlog.get_logger(__name__)

_LEAST = 2
_SLOWER_SECONDS = 5.0  # between two halvings: the first must show before the second
_FASTER_SECONDS = 2.0
_LOOK_SECONDS = 0.1


class AdaptiveLimit:
    """Used only from the event loop."""

    def __init__(self, slots: int) -> None:
        """`slots` is how many jobs are begun while nothing is slow."""
        self._slots = slots
        self._inside = 0
        self._changed_at = float("-inf")
        self.allowed = slots
        """How many jobs may be under way now."""

    def slow_down(self) -> None:
        """Halve what is allowed, a few seconds after the last time at the earliest."""
        if monotonic() - self._changed_at < _SLOWER_SECONDS:
            return
        self._set(max(min(_LEAST, self._slots), self.allowed // 2))

    def speed_up(self) -> None:
        """Allow one job more, up to all slots."""
        if monotonic() - self._changed_at < _FASTER_SECONDS:
            return
        self._set(min(self._slots, self.allowed + 1))

    def _set(self, allowed: int) -> None:
        if allowed == self.allowed:
            return
        if self.allowed == self._slots:
            log.info("fewer jobs at once", slots=self._slots)
        elif allowed == self._slots:
            log.info("all slots in use again", slots=self._slots)
        self.allowed = allowed
        self._changed_at = monotonic()

    @asynccontextmanager
    async def turn(self, unless: Callable[[], bool]) -> AsyncIterator[None]:
        """Wait until one more job may begin, or `unless` is true; the block is that job."""
        while self._inside >= self.allowed and not unless():
            await asyncio.sleep(_LOOK_SECONDS)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
