"""Streams that tell what changes on a page: one look per interval, for all who see the same.

Everything here but the looks belongs to the event loop. A stream ends after a while and its browser
comes again, which has its key checked again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from anyio import to_thread

from infra.contract.errors import ErrorCode, Rejected, ServiceUnavailable

log = structlog.get_logger(__name__)

_LONGEST_SECONDS = 60.0
_RETRY_AFTER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look found: a text, and whether nothing will change any more."""

    text: str
    has_ended: bool = False


Look = Callable[[], Sight]


class LiveStreams:
    """The streams of one process."""

    def __init__(self, *, most: int, most_per_caller: int) -> None:
        self._most = most
        self._most_per_caller = most_per_caller
        self._places: Counter[str] = Counter()
        self._looks: dict[str, tuple[float, asyncio.Task[Sight]]] = {}
        self._closing = asyncio.Event()

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Keep a place while a stream is open; `caller` is the name that it counts for.

        Raises `Rejected` (429) when the caller has too many, `ServiceUnavailable` when all have.
        """
        if self._places[caller] >= self._most_per_caller:
            raise Rejected(
                429,
                ErrorCode.TOO_MANY_LISTENERS,
                f"You have {self._most_per_caller} pages open already that are kept up to date.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        if self._places.total() >= self._most:
            raise ServiceUnavailable(
                ErrorCode.TOO_MANY_LISTENERS,
                f"{self._most} pages are kept up to date already. Raise API_EVENTS_LISTENERS.",
                retry_after_seconds=_RETRY_AFTER_SECONDS,
            )
        self._places[caller] += 1
        try:
            yield
        finally:
            self._places[caller] -= 1
            if not self._places[caller]:
                del self._places[caller]

    async def sights(self, name: str, look: Look, *, every_seconds: float) -> AsyncIterator[Sight]:
        """Yield what is seen under a name, first at once and then whenever it has changed."""
        begun, last = time.monotonic(), None
        while not self._closing.is_set() and time.monotonic() - begun < _LONGEST_SECONDS:
            try:
                sight = await self._look(name, look, every_seconds)
            except ServiceUnavailable as exc:  # what was seen last stays on the page meanwhile
                log.warning("a page is not kept up to date", page=name, code=exc.code)
            except Rejected:  # what was seen is gone
                return
            else:
                if sight != last:
                    last = sight
                    yield sight
                if sight.has_ended:
                    return
            try:
                await asyncio.wait_for(self._closing.wait(), every_seconds)
            except TimeoutError:
                continue

    def close(self) -> None:
        """End all streams, because the process stops."""
        self._closing.set()

    async def _look(self, name: str, look: Look, every_seconds: float) -> Sight:
        """Look, or share the look that another stream began within the interval."""
        now = time.monotonic()
        self._looks = {n: kept for n, kept in self._looks.items() if now - kept[0] < every_seconds}
        if name not in self._looks:
            self._looks[name] = (now, asyncio.create_task(to_thread.run_sync(look)))
        return await asyncio.shield(self._looks[name][1])
