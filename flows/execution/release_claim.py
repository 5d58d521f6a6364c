"""Gives back what this process has claimed and not ended: a job or a chunk."""

import asyncio
from collections.abc import Callable

from flows.runs.worker_context import WorkerContext
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.resources import in_thread
from infra.contract.errors import ServiceUnavailable

_LOOK_SECONDS = 1.0


async def given_back(context: WorkerContext, give_back: Callable[[], bool]) -> bool:
    """Return whether deliveries must go back; wait for PostgreSQL if need be.

    What is not given back costs an attempt. After an answer that never came, it may be given
    back already: then its delivery goes back too, because one too many does no harm.
    """
    unsure = False
    while True:
        try:
            returned = await in_thread(context.resources.io_threads, give_back)
        except ServiceUnavailable as exc:
            unsure = True
            context.breaker.note(exc)
        else:
            return returned or unsure
        if PauseReason.LEAVING in context.breaker.reasons:
            return True  # the lease will expire; a delivery must not be lost
        await asyncio.sleep(_LOOK_SECONDS)
