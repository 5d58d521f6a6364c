"""Starts parts as parallel as their needs allow, watches them, and stops them in order.

Knows parts and processes in general, none in particular.
"""

import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from infra.stack.supervisor.errors import Interrupted, PartFailed, StackError
from infra.stack.supervisor.part import Part, PartState, Progress, Report
from infra.stack.supervisor.part_supervisor import PartSupervisor
from infra.stack.supervisor.record import ProcessRecord

_POLL_SECONDS = 0.05
_CALM_SECONDS = 0.2
_CALM = (PartState.READY, PartState.DONE, PartState.STOPPED, PartState.FAILED)
_SHOWN_LINES = 5


class Supervisor:
    """Keeps a set of parts running until told otherwise or until one of them gives up."""

    def __init__(
        self, parts: Iterable[Part], logs: Path, report: Report, *, changed: Callable[[], None]
    ) -> None:
        """Put logs into the folder `logs`; call `changed` whenever a process came or went."""
        self._telling = threading.RLock()
        self._report = report
        self._part_supervisors = {
            p.name: PartSupervisor(p, logs / f"{p.name}.log", self._tell) for p in parts
        }
        self._changed = changed
        self._closing = threading.Event()
        self.failure: StackError | None = None  # why the stack cannot go on
        self._been_ready: set[str] = set()
        self._known: tuple[ProcessRecord, ...] = ()
        # One watcher for each part: the preparation of one does not hold up another.
        self._watchers = tuple(
            threading.Thread(target=self._watch, args=(k,), name=f"watch-{name}", daemon=True)
            for name, k in self._part_supervisors.items()
        )

    def part_supervisor(self, name: str) -> PartSupervisor:
        """Return the part supervisor of a part; raise `StackError` when there is no such part."""
        try:
            return self._part_supervisors[name]
        except KeyError as exc:
            raise StackError(f"This stack runs no part called {name}.") from exc

    def records(self) -> tuple[ProcessRecord, ...]:
        """Return the running processes in the order of the parts."""
        records = (part_supervisor.record() for part_supervisor in self._part_supervisors.values())
        return tuple(record for record in records if record is not None)

    def start(self, interrupted: threading.Event) -> None:
        """Start everything and wait until all is ready; raise `StackError` when it is not."""
        for watcher in self._watchers:
            watcher.start()
        while len(self._been_ready) < len(self._part_supervisors):
            if self.failure is not None:
                raise self.failure
            if interrupted.is_set():
                raise Interrupted("Stopped before everything was ready.")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop all parts, highest wave first, each wave together."""
        self._closing.set()
        for watcher in self._watchers:
            if watcher.is_alive():
                watcher.join()
        by_wave = attrgetter("part.wave")
        part_supervisors = sorted(self._part_supervisors.values(), key=by_wave, reverse=True)
        for _, wave in groupby(part_supervisors, key=by_wave):
            together = tuple(wave)
            for part_supervisor in together:
                part_supervisor.ask_to_stop()
            for part_supervisor in together:
                part_supervisor.finish()

    def _watch(self, part_supervisor: PartSupervisor) -> None:
        seconds = _POLL_SECONDS
        while not self._closing.wait(seconds):
            self._advance(part_supervisor)
            with self._telling:
                records = self.records()
                if records != self._known:
                    self._known = records
                    self._changed()
            seconds = _CALM_SECONDS if part_supervisor.state in _CALM else _POLL_SECONDS

    def _advance(self, part_supervisor: PartSupervisor) -> None:
        if part_supervisor.state is PartState.WAITING and not self._been_ready.issuperset(
            part_supervisor.part.needs
        ):
            return
        try:
            part_supervisor.advance()
        except (StackError, OSError, subprocess.SubprocessError) as exc:
            self._fail(part_supervisor, str(exc))
            return
        if part_supervisor.state in (PartState.READY, PartState.DONE):
            self._been_ready.add(part_supervisor.part.name)
        elif part_supervisor.state is PartState.FAILED:
            lines = part_supervisor.log_end[-_SHOWN_LINES:]
            self._fail(part_supervisor, "\n".join(("the end of its log:", *lines)))

    def _fail(self, part_supervisor: PartSupervisor, why: str) -> None:
        if self.failure is None:
            self.failure = PartFailed(
                f"{part_supervisor.part.name} failed (log: {part_supervisor.log}): {why}"
            )

    def _tell(self, progress: Progress) -> None:
        with self._telling:  # watchers are many, the terminal is one
            self._report(progress)
