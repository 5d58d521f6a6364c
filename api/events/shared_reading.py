"""A reading that all callers of this process share for a moment, however many ask for it.

Its cost is bounded by itself: what took long to read is kept for longer. So open pages cause no
storm of queries, and a table that grows makes them older, not the database slower. A failure is
shared for as long. It belongs to the event loop; the reading itself runs in a thread.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

from anyio import to_thread

from infra.contract.errors import ProductImagesError

T = TypeVar("T")

_LEAST_SECONDS = 2.0
_TIMES_AS_LONG = 20  # a reading takes at most a twentieth of one connection's time


class SharedReading(Generic[T]):
    """Reads when somebody asks and what is kept is too old."""

    def __init__(self, read: Callable[[], T], *, least_seconds: float = _LEAST_SECONDS) -> None:
        self._read = read
        self._least_seconds = least_seconds
        self._turn = asyncio.Lock()
        self._kept: T | ProductImagesError | None = None
        self._until = float("-inf")

    async def get(self) -> T:
        """Return the reading, which is seconds old at most; raise what reading it raised."""
        async with self._turn:
            if self._kept is None or monotonic() >= self._until:
                begun = monotonic()
                try:
                    self._kept = await to_thread.run_sync(self._read)
                except ProductImagesError as exc:
                    self._kept = exc
                took = monotonic() - begun
                self._until = monotonic() + max(self._least_seconds, _TIMES_AS_LONG * took)
            kept = self._kept
        if isinstance(kept, ProductImagesError):
            raise kept.with_traceback(None)
        return kept
