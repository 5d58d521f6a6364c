"""The while in which Prefect's engine begins a run, before any code of the flow has its turn.

An interruption of the engine there makes the run show Crashed. A run that is to be cancelled is
therefore let begin, for a moment: its flow then sees that it must end.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

_PATIENCE_SECONDS = 2.0  # nothing is done meanwhile, so it costs nothing but these


class EngineStart:
    """Of one attempt's run. Used only from the event loop."""

    def __init__(self) -> None:
        self._is_under_way = False
        self._cut: asyncio.TimerHandle | None = None

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """A run begins in the block, unless something comes between."""
        self._is_under_way = True
        try:
            yield
        finally:
            self.over()

    def over(self) -> None:
        """Say that the flow's own code has its turn, or never will."""
        self._is_under_way = False
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None

    def cancel(self, task: asyncio.Task[object], *, at_once: bool) -> None:
        """Cancel a task; unless it must be at once, after a moment while it begins a run."""
        if at_once or not self._is_under_way:
            task.cancel()
        elif self._cut is None:
            self._cut = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, task.cancel)
