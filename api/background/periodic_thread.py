"""A thread that looks for work: at intervals, and when it is told that there is some.

It says once that a part is away and once that it is back, and outlives any surprise. It must not
know what the work is.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import Self

import structlog

from infra.contract.errors import ServiceUnavailable

log = structlog.get_logger(__name__)

_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Words:
    """The thread's name, and what the log says of its work."""

    thread: str
    waits: str
    again: str
    failed: str


class PeriodicThread(ABC):
    """Use it in a `with`: inside the thread runs, leaving it waits for the round under way.

    `at_end` is the thread's last act, for what belongs to it alone.
    """

    def __init__(
        self, words: Words, *, seconds: float, at_end: Callable[[], object] = lambda: None
    ) -> None:
        self._words = words
        self._seconds = seconds
        self._at_end = at_end
        self._work = Event()
        self._in_outage = False
        self._thread = Thread(target=self._run, name=words.thread, daemon=True)
        self.is_stopping = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_stopping = True
        self._work.set()
        self._thread.join(timeout=_STOP_SECONDS)

    def wake(self) -> None:
        """Say that there is work."""
        self._work.set()

    @abstractmethod
    def look(self) -> None:
        """Do all the work there is, unless it `is_stopping`; may raise `ServiceUnavailable`."""

    def _run(self) -> None:
        try:
            while not self.is_stopping:
                self._work.wait(self._seconds)
                self._work.clear()
                try:
                    self.look()
                    if self._in_outage:
                        self._in_outage = False
                        log.info(self._words.again)
                except ServiceUnavailable as exc:
                    if not self._in_outage:
                        self._in_outage = True
                        log.warning(self._words.waits, code=exc.code, reason=exc.detail)
                except Exception:  # the thread must outlive any surprise; it is logged
                    log.exception(self._words.failed)
        finally:
            self._at_end()
