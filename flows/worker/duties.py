"""Keeps the standing duties of a worker going: what fails is logged and started again.

A duty that fails again and again ends the worker: the supervisor of the process starts a new one,
which is worth more than a worker that only seems to work.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog

log = structlog.get_logger(__name__)

Duty = Callable[[], Awaitable[None]]

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 120.0  # after that long a failure counts as the first one
_MOST_FAILURES = 6  # about half a minute of pauses


async def keep_running(name: str, duty: Duty, give_up: Callable[[str], None]) -> None:
    """Do a duty for ever; call `give_up` with a reason when it fails time after time.

    A duty that returns has failed too: none of them has an end.
    """
    failures = 0
    while True:
        begun = monotonic()
        # In a task of its own: anyio miscounts the cancels of the task that its scopes are in.
        work = asyncio.ensure_future(duty())
        try:
            await work
            log.error("duty ended", duty=name)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling() > 0:
                raise
            log.exception("duty failed", duty=name)  # a library's own cancelling got out
        except Exception:  # whatever it was, the duty must go on
            log.exception("duty failed", duty=name)
        failures = failures + 1 if monotonic() - begun < _STEADY_SECONDS else 1
        if failures >= _MOST_FAILURES:
            give_up(f"{name} failed {failures} times in a row")
            return
        await asyncio.sleep(min(_FIRST_PAUSE_SECONDS * 2 ** (failures - 1), _LONGEST_PAUSE_SECONDS))
