"""Waiting with a deadline, never sleeping for a guess."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _LONGER = 0.02, 0.3, 1.2


def eventually(
    look: Callable[[], T | None],
    what: str,
    *,
    seconds: float = 60,
    every_seconds: float | None = None,
) -> T:
    """Return the first true answer of `look`; fail with the last one after `seconds`.

    Looks less often the longer it takes, since each look costs those that are asked some work.
    """
    deadline = time.monotonic() + seconds
    pause = every_seconds or _FIRST_PAUSE_SECONDS
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what} (last answer: {answer!r})")
        time.sleep(pause)
        if every_seconds is None:
            pause = min(_LONGEST_PAUSE_SECONDS, pause * _LONGER)
