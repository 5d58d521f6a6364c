"""Calls that wait for a pixel process: one queue per lane, the interactive one first.

A caller that expects an interactive call announces it: meanwhile bulk calls leave one
process free, so that it need not wait for one of them to end.
"""

from collections import deque
from concurrent.futures import Future
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from threading import Condition
from time import monotonic
from typing import Any

from structlog.contextvars import get_contextvars

from infra.contract.states import Lane


@dataclass(frozen=True, slots=True, eq=False)
class PixelCall:
    """Work, of which nothing is known here, and where its result goes.

    `context` is its caller's: what the pool logs of it names the same job and request.
    """

    work: Any
    future: Future[Any]
    context: Context = field(default_factory=copy_context)

    @property
    def named(self) -> dict[str, Any]:
        """What the caller's log lines carry."""
        return dict(self.context.run(get_contextvars))


class PixelCalls:
    """Shared by all threads of the pool, each of which serves one process."""

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._changed = Condition()
        self._waiting: dict[Lane, deque[PixelCall]] = {lane: deque() for lane in Lane}
        self._bulk_at_work: set[PixelCall] = set()
        self._expected_until: deque[float] = deque()
        self._closed = False

    def put(self, call: PixelCall, lane: Lane) -> None:
        """Let a call wait behind those of its lane."""
        with self._changed:
            self._waiting[lane].append(call)
            if lane is Lane.INTERACTIVE and self._expected_until:
                self._expected_until.popleft()
            self._changed.notify_all()  # bulk calls may begin in the other processes

    def expect_interactive(self, seconds: float) -> None:
        """Keep a process free for an interactive call that comes soon, no longer than this."""
        with self._changed:
            self._expected_until.append(monotonic() + seconds)

    def get(self) -> PixelCall | None:
        """Wait for the next call, an interactive one if there is any; None after the end."""
        with self._changed:
            while not self._closed:
                if self._waiting[Lane.INTERACTIVE]:
                    return self._waiting[Lane.INTERACTIVE].popleft()
                free_in_seconds = self._bulk_may_begin_in_seconds()
                if self._waiting[Lane.BULK] and not free_in_seconds:
                    call = self._waiting[Lane.BULK].popleft()
                    self._bulk_at_work.add(call)
                    return call
                self._changed.wait(free_in_seconds if self._waiting[Lane.BULK] else None)
            return None

    def end(self, call: PixelCall) -> None:
        """Note that the process which had the call is free again."""
        with self._changed:
            self._bulk_at_work.discard(call)

    def _bulk_may_begin_in_seconds(self) -> float:
        now = monotonic()
        while self._expected_until and self._expected_until[0] <= now:
            self._expected_until.popleft()
        if not self._expected_until or len(self._bulk_at_work) < self._processes - 1:
            return 0
        return self._expected_until[-1] - now

    def waiting(self, lane: Lane) -> int:
        """Return how many calls of a lane wait, without those that were given up."""
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
