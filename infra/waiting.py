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
    started = told_at = time.monotonic()
    waiting, answers, told = f"waiting for {what}", f"{what} answers", ""
    while not stop.is_set():
        try:
            probe()
        except ServiceUnavailable as exc:
            now = time.monotonic()
            if exc.detail != told or now - told_at >= remind_seconds:
                told, told_at = exc.detail, now
                log.warning(waiting, reason=told)
        else:
            if told:
                log.info(answers, waited_seconds=round(time.monotonic() - started, 1))
            return
        stop.wait(random.uniform(*poll_seconds))
    raise Stopped(ErrorCode.CANCELLED, f"Stopped while waiting for {what}.")
