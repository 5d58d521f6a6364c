"""Asks every part that the API depends on whether it answers, in the background.

Requests read what is remembered, so that a part that hangs, or many callers of `/readyz`, cost no
other request its thread. Each part has a thread of its own: a hanging one delays no other's news.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Self

import structlog

from api.schemas.jobs import Dependency
from infra.contract.errors import ProductImagesError

log = structlog.get_logger(__name__)

DATABASE = "database"
"""The part without which nothing can be accepted; without the others jobs wait."""

_PATIENCE_SECONDS = 10.0  # above what a busy machine shows: a slow part is not an absent one
_FIRST_ROUND_SECONDS = 3.0
_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Probe:
    """A part's name and how it is asked.

    `ask` raises a `ProductImagesError` with a sentence when something is wrong. A part that has
    not answered after `patience_seconds` is told as away, while its thread goes on waiting.
    """

    name: str
    ask: Callable[[], object]
    patience_seconds: float = _PATIENCE_SECONDS


class _Part:
    """One part: what it answered last, and since when it is being asked."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._lock = Lock()
        self._asked_at: float | None = time.monotonic()
        self._last: Dependency | None = None
        self.answered = Event()

    def ask(self) -> None:
        """Ask once; never fails."""
        with self._lock:
            self._asked_at = started = time.monotonic()
        detail = None
        try:
            self._probe.ask()
        except ProductImagesError as exc:
            detail = exc.detail
        except Exception:  # the thread must outlive any surprise; it is logged
            log.exception("a part could not be asked", part=self._probe.name)
            detail = "It could not be checked: the log has the details."
        elapsed_ms = round((time.monotonic() - started) * 1000, 1)
        with self._lock:
            self._asked_at = None
            self._last = Dependency(ok=detail is None, latency_ms=elapsed_ms, detail=detail)
        self.answered.set()

    def state(self) -> Dependency:
        """Return how the part is, at once."""
        with self._lock:
            asked_at, last = self._asked_at, self._last
        waiting = 0.0 if asked_at is None else time.monotonic() - asked_at
        if last is not None and waiting <= self._probe.patience_seconds:
            return last
        told = "It has not been checked yet." if last is None else f"No answer for {waiting:.0f} s."
        return Dependency(ok=False, latency_ms=round(waiting * 1000, 1), detail=told)


class Probes:
    """Use it in a `with`: inside the parts are asked again and again."""

    def __init__(self, probes: Sequence[Probe], *, every_seconds: float) -> None:
        self._parts = {probe.name: _Part(probe) for probe in probes}
        self._every_seconds = every_seconds
        self._stop = Event()
        self._threads = [
            Thread(target=self._run, args=(part,), name=f"probe of {name}", daemon=True)
            for name, part in self._parts.items()
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def wait_for_first_round(self, seconds: float = _FIRST_ROUND_SECONDS) -> None:
        """Return when each part was asked once, or after this time."""
        until = time.monotonic() + seconds
        for part in self._parts.values():
            part.answered.wait(max(0.0, until - time.monotonic()))

    def states(self) -> dict[str, Dependency]:
        """Return how each part is, by its name, from memory."""
        return {name: part.state() for name, part in self._parts.items()}

    def _run(self, part: _Part) -> None:
        while not self._stop.is_set():
            part.ask()
            self._stop.wait(self._every_seconds)
