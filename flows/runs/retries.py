"""The one table of what is retried, how often, and with which delays.

Only transient errors are retried; permanent ones never are. The waits of one image add up to
less than 30 seconds, so that a run never sleeps for long. An image that kills its pixel
process gets one more chance, because the process may have died for another reason.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from infra.contract.errors import HostBusy, TransientError

T = TypeVar("T")


class Step(StrEnum):
    """The steps of a product's flow, in order."""

    FETCH = "fetch"
    COMPRESS = "compress"
    STORE = "store"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """One try, and another one after each delay.

    When the other side names a longer delay it is obeyed, up to `longest_wait_seconds`:
    beyond that the step fails at once.
    """

    delays_seconds: tuple[float, ...]
    longest_wait_seconds: float = 15


RETRIES: Mapping[Step, RetryPolicy] = MappingProxyType(
    {
        Step.FETCH: RetryPolicy(delays_seconds=(1, 4)),
        Step.COMPRESS: RetryPolicy(delays_seconds=(0.2,)),
        Step.STORE: RetryPolicy(delays_seconds=(0.5, 2, 5)),
        Step.RECORD: RetryPolicy(delays_seconds=(0.5, 2, 5)),
    }
)

OnRetry = Callable[[TransientError, int, float], None]
"""Called before each wait with the error, the number of the try that failed, the seconds."""


async def with_retries(step: Step, work: Callable[[], Awaitable[T]], on_retry: OnRetry) -> T:
    """Do the work, again after transient errors as the table says; raise the last error."""
    policy = RETRIES[step]
    for attempt, delay_seconds in enumerate(policy.delays_seconds, start=1):
        try:
            return await work()
        except HostBusy:
            raise  # it has waited already, and no try was made
        except TransientError as exc:
            wait_seconds = max(exc.retry_after_seconds or 0, delay_seconds)
            if wait_seconds > policy.longest_wait_seconds:
                raise
            on_retry(exc, attempt, wait_seconds)
        await asyncio.sleep(wait_seconds)
    return await work()


def warn_of_retry(step: Step, subject: str, warn: Callable[[str], None]) -> OnRetry:
    """Return an `on_retry` that warns in the run's log; `subject` says what failed."""

    def tell(error: TransientError, attempt: int, wait_seconds: float) -> None:
        tries = len(RETRIES[step].delays_seconds) + 1
        warn(
            f"{subject} failed ({error.code}), try {attempt} of {tries}; "
            f"again in {wait_seconds:.1f} s"
        )

    return tell
