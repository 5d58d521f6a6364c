"""Several pieces of work at once, of which none outlives the others; some only with a slot."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


async def gather_or_cancel(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return all results in order; at the first error end the others, then raise it."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()  # without effect on those that are done
        if tasks:
            await asyncio.wait(tasks)


@asynccontextmanager
async def semaphore_slot(slots: asyncio.Semaphore, *, unless: asyncio.Event) -> AsyncIterator[bool]:
    """Hold a slot in the block; or none, which is False, when the event comes first."""
    acquiring = asyncio.ensure_future(slots.acquire())
    giving_up = asyncio.ensure_future(unless.wait())
    try:
        await asyncio.wait((acquiring, giving_up), return_when=asyncio.FIRST_COMPLETED)
        yield acquiring.done()
    finally:
        giving_up.cancel()
        if not acquiring.cancel():  # it has been acquired
            slots.release()
