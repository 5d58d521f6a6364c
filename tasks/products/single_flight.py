"""Single flight: what many threads want at once is done by one of them, for all."""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

_SECONDS = 60  # longer than any statement may take


class SingleFlight(Generic[T]):
    """Work under way, by key. Nothing is kept once it is done."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: dict[Hashable, Future[T]] = {}

    def join(self, key: Hashable, work: Callable[[], T]) -> T:
        """Do the work, or wait for the thread that does it; return or raise what it does."""
        with self._lock:
            flight = self._under_way.get(key)
            if flight is None:
                mine: Future[T] = Future()
                self._under_way[key] = mine
        if flight is not None:
            return flight.result(timeout=_SECONDS)
        try:
            mine.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - the waiters must get it, whatever it is
            mine.set_exception(exc)
        finally:
            with self._lock:
                del self._under_way[key]
        return mine.result()
