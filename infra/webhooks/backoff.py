"""When a message that did not arrive is sent again: ever later, and not all at the same time."""

import random

from infra.settings.sections import WebhookSettings

_FACTOR = 4.0  # seconds, a minute, an hour: eleven tries in a day
_JITTER = 0.2
_LONGEST_SECONDS = 4 * 3600.0
_MAX_STEPS = 20  # beyond it the longest pause has come long ago


def pause_seconds(
    settings: WebhookSettings, *, failures: int, asked_seconds: float | None = None
) -> float:
    """Return the pause after that many failures in a row, at least what the receiver asked for."""
    grown: float = settings.first_retry_seconds * _FACTOR ** min(failures - 1, _MAX_STEPS)
    spread = min(grown, _LONGEST_SECONDS) * random.uniform(1 - _JITTER, 1 + _JITTER)
    return max(spread, min(asked_seconds or 0, settings.give_up_after_seconds))
