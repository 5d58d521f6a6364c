"""How long to wait before connecting again. Knows no connection and does not wait itself."""

import random
from collections.abc import Iterator

FIRST_SECONDS = 0.1


def delays(max_seconds: float) -> Iterator[float]:
    """Yield delays for ever: doubling up to the maximum, each between half and all of its step.

    The jitter keeps the consumers of a restarted broker from coming back in step.
    """
    step = min(FIRST_SECONDS, max_seconds)
    while True:
        yield random.uniform(step / 2, step)
        step = min(step * 2, max_seconds)
