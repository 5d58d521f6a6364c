"""Waits for a part of the stack, and says so: processes may start in any order."""

import random
import time
from collections.abc import Callable
from threading import Event

import structlog

from infra.contract.errors import ErrorCode, ServiceUnavailable, Stopped

log = structlog.get_logger(__name__)

_REMIND_SECONDS = 15.0
_POLL_SECONDS = (0.5, 2.0)


def wait_for(
    what: str,
    probe: Callable[[], object],
    *,
    stop: Event | None = None,
    poll_seconds: tuple[float, float] = _POLL_SECONDS,
    remind_seconds: float = _REMIND_SECONDS,
) -> None:
    """Return when the probe stops raising `ServiceUnavailable`; raise `Stopped` when told to.

    Waits without end: a supervisor decides how long is too long, and the log says what for, at
    once, again when the reason changes, and every `remind_seconds`. Each pause has a random
    length between the two of `poll_seconds`, so that many processes do not ask in step.
    """
    stop = stop or Event()
    started = time.monotonic()
    told = _Told(what, remind_seconds)
    while True:
        if stop.is_set():
            raise Stopped(ErrorCode.CANCELLED, f"Stopped while waiting for {what}.")
        try:
            probe()
        except ServiceUnavailable as exc:
            told.tell(exc.detail)
        else:
            break
        stop.wait(random.uniform(*poll_seconds))
    if told.something:
        event = f"{what} answers"
        log.info(event, waited_seconds=round(time.monotonic() - started, 1))


class _Told:
    """What the log knows already."""

    def __init__(self, what: str, remind_seconds: float) -> None:
        self.something = False
        self._event = f"waiting for {what}"
        self._remind_seconds = remind_seconds
        self._reason = ""
        self._at = 0.0

    def tell(self, reason: str) -> None:
        """Log the reason, unless the log has it and not much time has passed."""
        now = time.monotonic()
        if reason == self._reason and now - self._at < self._remind_seconds:
            return
        self.something, self._reason, self._at = True, reason, now
        log.warning(self._event, reason=reason)
