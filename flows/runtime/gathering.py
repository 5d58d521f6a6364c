"""Several pieces of work at once, of which none outlives the others; some only with a slot."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_END = object()


class Handover(Generic[T]):
    """What one step hands to the next, item by item, until it is closed. For one reader.

    A plain class: Prefect does not look inside a parameter of it.
    """

    def __init__(self) -> None:
        self._items: asyncio.Queue[Any] = asyncio.Queue()
        self._has_begun = False
        self._is_known = asyncio.Event()

    def put(self, item: T) -> None:
        """Hand over an item."""
        self._has_begun = True
        self._items.put_nowait(item)
        self._is_known.set()

    def close(self) -> None:
        """Say that nothing more will come."""
        self._items.put_nowait(_END)
        self._is_known.set()

    async def begins(self) -> bool:
        """Wait for the first item; return False when it was closed without one."""
        await self._is_known.wait()
        return self._has_begun

    async def __aiter__(self) -> AsyncIterator[T]:
        while (item := await self._items.get()) is not _END:
            yield item


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


async def for_each(items: AsyncIterator[T], work: Callable[[T], Coroutine[Any, Any, None]]) -> None:
    """Work on each item as it comes, side by side; at an error end the others, then raise it."""
    try:
        async with asyncio.TaskGroup() as group:
            async for item in items:
                group.create_task(work(item))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


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
