"""Sees when a worker's pixel process really works on a picture."""

import psutil

from tests.waiting import eventually

_WORKING_SECONDS = 0.05  # of CPU: more than an idle process uses, less than one picture


class PixelWork:
    """The pixel processes of a worker, and what they have used since this moment."""

    def __init__(self, worker_pid: int) -> None:
        children = psutil.Process(worker_pid).children(recursive=True)
        self._before = {child: child.cpu_times().user for child in children}

    def wait(self) -> psutil.Process:
        """Wait until one works; return it."""
        return eventually(self._busy, "a pixel process works", every_seconds=0.02)

    def _busy(self) -> psutil.Process | None:
        used = {child: child.cpu_times().user - start for child, start in self._before.items()}
        busiest = max(used, key=lambda child: used[child])
        return busiest if used[busiest] > _WORKING_SECONDS else None
