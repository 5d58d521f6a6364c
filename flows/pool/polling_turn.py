"""One look into the work pool at a time, among all workers, while a limit counts runs.

Prefect counts the runs under way when a worker asks for more, and hands different runs to two
workers that ask at once: each sees the same free slot. A turn lasts until what was handed over
is counted.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from threading import Event
from typing import Any

from flows.runtime.resources import WorkerResources, in_thread
from tasks.workers.polling_lock import polling_turn

_LONGEST_TURN_SECONDS = 20.0


@asynccontextmanager
async def turn(resources: WorkerResources) -> AsyncIterator[bool]:
    """Yield whether it is our turn; it ends with the block.

    Raises `ServiceUnavailable` when PostgreSQL is away.
    """
    loop = asyncio.get_running_loop()
    granted: asyncio.Future[bool] = loop.create_future()
    over = Event()

    def hold() -> None:
        with polling_turn(resources.database) as ours:
            if ours:
                loop.call_soon_threadsafe(partial(granted.set_result, ours))
                over.wait(_LONGEST_TURN_SECONDS)

    holding = asyncio.ensure_future(in_thread(resources.duty_threads, hold))
    either: list[asyncio.Future[Any]] = [holding, granted]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        yield granted.done() and granted.result()
    finally:
        over.set()
        await holding
