"""Waits for a busy source host without holding a thread, and for a short time only.

A job that waits here holds one of the worker's slots, which jobs of other suppliers need: what does
not get its turn soon takes a place in the host's queue, and its job is parked until then.
"""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from flows.runtime.resources import in_thread
from infra.contract.errors import HostBusy
from tasks.steps.fetch import ImageSource

T = TypeVar("T")

PATIENCE_SECONDS = 3.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Queue:
    """Where images come from, and the threads that bring them."""

    threads: ThreadPoolExecutor
    source: ImageSource


async def wait_for_host(queue: Queue, fetch: Callable[[], T]) -> T:
    """Fetch in a thread, again while the host is busy; raise `HostBusy` naming its turn."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE_SECONDS
    while True:
        try:
            return await in_thread(queue.threads, fetch)
        except HostBusy as exc:
            wait = max(exc.retry_after_seconds or 0, _LOOK_SECONDS) * random.uniform(1, 1.5)
            if loop.time() + wait > end:
                turn = await in_thread(queue.threads, queue.source.turn, exc.host)
                raise HostBusy(exc.host, exc.detail, turn) from exc
        await asyncio.sleep(wait)
