"""A request to stop a piece of work, made in one thread and seen in others.

It does not know what it ends: the work registers what has to happen then.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from infra.contract.errors import ErrorCode, Stopped


class Stop:
    """May be shared by many pieces of work, and used from any thread; there is no way back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._reactions: list[Callable[[], None]] = []

    @property
    def stopped(self) -> bool:
        """Whether the end was requested."""
        return self._stopped

    def stop(self) -> None:
        """Ask for the end; returns at once, before the work has ended."""
        with self._lock:
            self._stopped = True
            reactions, self._reactions = self._reactions, []
        for react in reactions:
            react()

    def check(self) -> None:
        """Raise `Stopped` when the end was requested."""
        if self._stopped:
            raise stopped()

    @contextmanager
    def calling(self, react: Callable[[], None]) -> Iterator[None]:
        """Call `react` when the end is asked for during the block, or was before.

        It is called once, in the asking thread, perhaps still at the very end of the block.
        """
        with self._lock:
            late = self._stopped
            if not late:
                self._reactions.append(react)
        if late:
            react()
        try:
            yield
        finally:
            with self._lock:
                if react in self._reactions:
                    self._reactions.remove(react)


def stopped() -> Stopped:
    """Return the error of work that was asked to end."""
    return Stopped(ErrorCode.CANCELLED, "The work was stopped before it was done.")
