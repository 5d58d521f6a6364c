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
from infra.stack.supervisor.part_supervisor import PartKeeper
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
        self._keepers = {p.name: PartKeeper(p, logs / f"{p.name}.log", self._tell) for p in parts}
        self._changed = changed
        self._closing = threading.Event()
        self._failure: StackError | None = None
        self._been_ready: set[str] = set()
        self._known: tuple[ProcessRecord, ...] = ()
        # One watcher for each part: the preparation of one does not hold up another.
        self._watchers = tuple(
            threading.Thread(target=self._watch, args=(k,), name=f"watch-{name}", daemon=True)
            for name, k in self._keepers.items()
        )

    @property
    def failure(self) -> StackError | None:
        """Why the stack cannot go on, or None."""
        return self._failure

    def keeper(self, name: str) -> PartKeeper:
        """Return the keeper of a part; raise `StackError` when there is no such part."""
        try:
            return self._keepers[name]
        except KeyError as exc:
            raise StackError(f"This stack runs no part called {name}.") from exc

    def records(self) -> tuple[ProcessRecord, ...]:
        """Return the running processes in the order of the parts."""
        records = (keeper.record() for keeper in self._keepers.values())
        return tuple(record for record in records if record is not None)

    def start(self, interrupted: threading.Event) -> None:
        """Start everything and wait until all is ready; raise `StackError` when it is not."""
        for watcher in self._watchers:
            watcher.start()
        while not self._all_ready():
            if self._failure is not None:
                raise self._failure
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
        keepers = sorted(self._keepers.values(), key=by_wave, reverse=True)
        for _, wave in groupby(keepers, key=by_wave):
            together = tuple(wave)
            for keeper in together:
                keeper.ask_to_stop()
            for keeper in together:
                keeper.finish()

    def _all_ready(self) -> bool:
        return len(self._been_ready) == len(self._keepers)

    def _watch(self, keeper: PartKeeper) -> None:
        seconds = _POLL_SECONDS
        while not self._closing.wait(seconds):
            self._advance(keeper)
            self._tell_changes()
            seconds = _CALM_SECONDS if keeper.state in _CALM else _POLL_SECONDS

    def _advance(self, keeper: PartKeeper) -> None:
        if keeper.state is PartState.WAITING and not self._been_ready.issuperset(keeper.part.needs):
            return
        try:
            keeper.advance()
        except (StackError, OSError, subprocess.SubprocessError) as exc:
            self._fail(keeper, str(exc))
            return
        if keeper.state in (PartState.READY, PartState.DONE):
            self._been_ready.add(keeper.part.name)
        elif keeper.state is PartState.FAILED:
            lines = keeper.last_words[-_SHOWN_LINES:]
            self._fail(keeper, "\n".join(("its last words:", *lines)))

    def _fail(self, keeper: PartKeeper, why: str) -> None:
        if self._failure is None:
            self._failure = PartFailed(f"{keeper.part.name} failed (log: {keeper.log}): {why}")

    def _tell(self, progress: Progress) -> None:
        with self._telling:  # watchers are many, the terminal is one
            self._report(progress)

    def _tell_changes(self) -> None:
        with self._telling:
            records = self.records()
            if records != self._known:
                self._known = records
                self._changed()
