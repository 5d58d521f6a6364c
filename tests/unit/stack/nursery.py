"""Tiny parts and the means to watch them: real processes, but only of Python."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from infra.stack.supervisor.part import Part, PartState, Progress
from infra.stack.supervisor.supervisor import Supervisor

PATIENCE_SECONDS = 20.0
SLEEPER = "import time\nwhile True: time.sleep(60)"


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds; fail when it does not within the deadline."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)


class Nursery:
    """Makes supervisors over tiny parts, and remembers everything that they tell."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.told: list[Progress] = []
        self.changes = 0
        self._supervisors: list[Supervisor] = []

    def supervisor(self, *parts: Part) -> Supervisor:
        made = Supervisor(parts, self.logs, self.told.append, changed=self._count)
        self._supervisors.append(made)
        return made

    def states(self, part: str) -> list[PartState]:
        return [progress.state for progress in self.told if progress.part == part]

    def close(self) -> None:
        for supervisor in self._supervisors:
            supervisor.stop()

    def _count(self) -> None:
        self.changes += 1


def python_part(name: str, code: str = SLEEPER, needs: tuple[str, ...] = ()) -> Part:
    return Part(name=name, command=(sys.executable, "-c", code), needs=needs)
