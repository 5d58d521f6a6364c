"""How many streams of events may be open, for one caller and for all together.

It belongs to the event loop.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from infra.contract.errors import ErrorCode, Rejected, ServiceUnavailable

_RETRY_SECONDS = 10


class Places:
    """The places of one process, for streams of every kind."""

    def __init__(self, *, most: int, most_per_caller: int) -> None:
        self._most = most
        self._most_per_caller = most_per_caller
        self._taken: Counter[str] = Counter()  # by caller
        self._closed = asyncio.Event()

    @contextmanager
    def taken(self, caller: str) -> Iterator[None]:
        """Hold a place meanwhile.

        Raises `Rejected` (429) when the caller has too many streams, and `ServiceUnavailable` when
        all together are too many.
        """
        self.take(caller)
        try:
            yield
        finally:
            self.give_back(caller)

    def take(self, caller: str) -> None:
        """Take a place that has to be given back. Raises as `taken`."""
        if self._taken[caller] >= self._most_per_caller:
            raise Rejected(
                429,
                ErrorCode.TOO_MANY_LISTENERS,
                f"You have {self._most_per_caller} streams of events open already. Close one, "
                "or ask without /events meanwhile.",
                retry_after_seconds=_RETRY_SECONDS,
            )
        if self._taken.total() >= self._most:
            raise ServiceUnavailable(
                ErrorCode.TOO_MANY_LISTENERS,
                f"{self._most} streams of events are open already. Ask without /events meanwhile, "
                "or raise API_EVENTS_LISTENERS.",
                retry_after_seconds=_RETRY_SECONDS,
            )
        self._taken[caller] += 1

    def close(self) -> None:
        """End the streams that ask `closes_within`, because the process stops."""
        self._closed.set()

    async def closes_within(self, seconds: float) -> bool:
        """Wait for so long; return whether streams have to end."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            return False
        return True

    def give_back(self, caller: str) -> None:
        """Give a place back."""
        self._taken[caller] -= 1
        if not self._taken[caller]:
            del self._taken[caller]
