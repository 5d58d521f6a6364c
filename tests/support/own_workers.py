"""Workers of a test's own beside those of the stack: other settings, and a known exit status.

Knows processes only, nothing of jobs. Whoever hires a worker lets it go.
"""

import os
import signal
from pathlib import Path
from typing import Self

from infra.stack.stack import Stack
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.process import PartProcess
from tests.waiting import eventually

_START_SECONDS = 60.0
_END_SECONDS = 90.0


class OwnWorker:
    """One worker process, started when this is made; `ready` waits until it takes work."""

    def __init__(
        self, stack: Stack, folder: Path, name: str, *command: str, **settings: str
    ) -> None:
        """`settings` are environment variables beside those of the stack's own worker.

        `command` starts the process instead of that worker's.
        """
        self.log = folder / f"{name}.log"
        self._ready_file = folder / f"{name}.ready"
        model = stack.part("worker-1").part
        environment = {
            **model.environment,
            **settings,
            "WORKER_READY_FILE": str(self._ready_file),
        }
        part = Part(
            name=name,
            command=command or model.command,
            environment=environment,
            directory=model.directory,
            stop_seconds=model.stop_seconds,
        )
        self._process = PartProcess(part, self.log)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def text(self) -> str:
        """All that it has logged."""
        return self.log.read_text(errors="replace")

    def ready(self) -> Self:
        """Wait until it takes work."""
        eventually(self._ready_file.exists, f"{self.log.stem} is ready", seconds=_START_SECONDS)
        return self

    def stop(self) -> int | None:
        """Send SIGTERM; return the exit status (negative: a signal's number)."""
        self._process.ask_to_stop()
        self._process.finish()
        return self._process.exit_code()

    def kill(self) -> int | None:
        """Send SIGKILL; return the exit status. Its pixel processes end too."""
        self._process.kill()
        self._process.finish()
        return self._process.exit_code()

    def ended(self) -> int:
        """Wait until it has ended by itself; return the exit status."""
        eventually(
            lambda: self._process.exit_code() is not None,
            f"{self.log.stem} has ended",
            seconds=_END_SECONDS,
        )
        status = self._process.exit_code()
        assert status is not None
        return status

    def let_go(self) -> None:
        """End it, in whatever state it is."""
        if self._process.exit_code() is None:
            os.kill(self.pid, signal.SIGCONT)
            self.stop()


class Hiring:
    """Makes workers, and lets all of them go at the end."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._hired: list[OwnWorker] = []

    def __call__(self, **settings: str) -> OwnWorker:
        """Start a worker with these variables and wait until it takes work."""
        return self.start(**settings).ready()

    def start(self, *command: str, **settings: str) -> OwnWorker:
        """Start a worker with these variables; `command` starts it instead of the usual one."""
        name = f"own-worker-{len(self._hired) + 1}"
        worker = OwnWorker(self._stack, self._folder, name, *command, **settings)
        self._hired.append(worker)
        return worker

    def let_all_go(self) -> None:
        """End them."""
        for worker in self._hired:
            worker.let_go()
