"""Calls that wait for a pixel process: one queue per lane, the interactive one first."""

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Condition
from typing import Any

from infra.states import Lane


@dataclass(frozen=True, slots=True, eq=False)
class PixelCall:
    """Pickled work, and where its result goes."""

    work: bytes
    future: Future[Any]


class PixelCalls:
    """Shared by all threads of the pool."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._waiting: dict[Lane, deque[PixelCall]] = {lane: deque() for lane in Lane}
        self._closed = False

    def put(self, call: PixelCall, lane: Lane) -> None:
        """Let a call wait behind those of its lane."""
        with self._changed:
            self._waiting[lane].append(call)
            self._changed.notify()

    def get(self) -> PixelCall | None:
        """Wait for the next call, an interactive one if there is any; None after the end."""
        with self._changed:
            while not self._closed:
                for lane in (Lane.INTERACTIVE, Lane.BULK):
                    if self._waiting[lane]:
                        return self._waiting[lane].popleft()
                self._changed.wait()
            return None

    def waiting(self, lane: Lane) -> int:
        """Return how many calls of a lane wait, those not counted that nobody wants any more."""
        with self._changed:
            return sum(not call.future.cancelled() for call in self._waiting[lane])

    def close(self) -> None:
        """Cancel what waits and let every `get` return None."""
        with self._changed:
            self._closed = True
            for calls in self._waiting.values():
                while calls:
                    calls.popleft().future.cancel()
            self._changed.notify_all()
