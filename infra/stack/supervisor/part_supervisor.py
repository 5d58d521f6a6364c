"""The life of one part: started, probed, ready, dead by itself, started again, stopped.

A small state machine that its supervisor moves on; `stop`, `start`, `restart` and `kill` are for
tests that disturb a running stack on purpose.
"""

import threading
import time
from pathlib import Path

from infra.stack.supervisor.errors import PartFailed
from infra.stack.supervisor.part import Part, PartState, Progress, Report
from infra.stack.supervisor.process import PartProcess
from infra.stack.supervisor.record import ProcessRecord

SHOWN_LINES = 15
_QUICK_SECONDS = 10.0
_QUICK_DEATHS = 4
_FIRST_PAUSE_SECONDS = 0.25
_POLL_SECONDS = 0.05
_ALIVE = (PartState.STARTING, PartState.READY)


class PartSupervisor:
    """Keeps one part alive, and says what becomes of it."""

    def __init__(self, part: Part, log: Path, report: Report) -> None:
        self.part = part
        self.log = log
        self.state = PartState.WAITING
        self.log_end: tuple[str, ...] = ()
        self._report = report
        self._process: PartProcess | None = None
        self._lock = threading.RLock()
        self._started = 0.0
        self._since = time.time()
        self._quick_deaths = 0
        self._retry_at = 0.0

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        process = self._process
        return process.pid if process is not None and self.state in _ALIVE else None

    def advance(self) -> None:
        """Move on as far as is possible without waiting; skipped during a disturbance."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            again = self.state is PartState.DIED and time.monotonic() >= self._retry_at
            if again or self.state is PartState.WAITING:
                self._spawn()
            elif self.state in _ALIVE:
                code = self._process.exit_code() if self._process is not None else None
                if code is not None:
                    self._ended(code)
                elif self.state is PartState.STARTING:
                    self._probe()
        finally:
            self._lock.release()

    def record(self) -> ProcessRecord | None:
        """Return what is needed to find the process again, or None when there is none."""
        process = self._process
        if process is None or self.state not in _ALIVE:
            return None
        return ProcessRecord(
            name=self.part.name,
            pid=process.pid,
            birth=process.birth,
            state=self.state,
            since=self._since,
            port=self.part.port,
            stop_signal=self.part.stop_signal,
            stop_seconds=self.part.stop_seconds,
        )

    def stop(self) -> None:
        """Stop the part and leave it stopped."""
        self.ask_to_stop()
        self.finish()

    def ask_to_stop(self) -> None:
        """Ask the process to end, without waiting for it; it is not started again."""
        with self._lock:
            if self._process is not None and self.state in _ALIVE:
                self._process.ask_to_stop()
            if self.state is not PartState.DONE:
                self.state = PartState.STOPPED

    def finish(self) -> None:
        """Wait for the end of a process that was asked to stop, then tell."""
        with self._lock:
            if self._process is None or self.state is PartState.DONE:
                return
            begun = time.monotonic()
            self._process.finish()
            self._process = None
            self._tell(time.monotonic() - begun)

    def start(self) -> None:
        """Start the part again and wait until it is ready; raise `PartFailed` when it is not."""
        with self._lock:
            if self.state in _ALIVE:
                return
            self._quick_deaths = 0
            self._spawn()
        self.wait_until_ready()

    def restart(self) -> None:
        """Stop the part, start it again and wait until it is ready."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Send SIGKILL to the process; the supervisor notices and starts it again."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def wait_until_ready(self) -> None:
        """Wait until the part is ready; raise `PartFailed` when its time is over."""
        deadline = time.monotonic() + self.part.start_seconds
        while self.state is not PartState.READY:
            if self.state is PartState.FAILED or time.monotonic() > deadline:
                raise PartFailed(f"{self.part.name} did not become ready; see {self.log}.")
            self.advance()
            time.sleep(_POLL_SECONDS)

    def _spawn(self) -> None:
        self.part.prepare()
        self._started = time.monotonic()
        self._process = PartProcess(self.part, self.log)
        self._enter(PartState.STARTING)

    def _probe(self) -> None:
        elapsed = time.monotonic() - self._started
        if not self.part.once and self.part.probe():
            self.part.settle()
            self._enter(PartState.READY)
            self._tell(elapsed)
        elif elapsed > self.part.start_seconds:
            self._give_up(f"not ready after {self.part.start_seconds:.0f} s")

    def _ended(self, code: int) -> None:
        elapsed = time.monotonic() - self._started
        self._remember_last_words()
        self._process = None
        self.part.clean()
        if self.part.once and code == 0:
            self._enter(PartState.DONE)
            self._tell(elapsed)
            return
        self._quick_deaths = self._quick_deaths + 1 if elapsed < _QUICK_SECONDS else 1
        if self.part.once or self._quick_deaths >= _QUICK_DEATHS:
            self._give_up(_how(code))
            return
        self._retry_at = time.monotonic() + _FIRST_PAUSE_SECONDS * 2 ** (self._quick_deaths - 1)
        self._enter(PartState.DIED)
        self._tell(elapsed, detail=_how(code), lines=self.log_end)

    def _give_up(self, detail: str) -> None:
        self._enter(PartState.FAILED)
        if self._process is not None:
            self._process.ask_to_stop()
            self._process.finish()
            self._remember_last_words()
            self._process = None
        self._tell(None, detail=detail, lines=self.log_end)

    def _remember_last_words(self) -> None:
        if self._process is not None:
            self.log_end = self._process.log_end(SHOWN_LINES)

    def _enter(self, state: PartState) -> None:
        self.state = state
        self._since = time.time()

    def _tell(self, seconds: float | None, detail: str = "", lines: tuple[str, ...] = ()) -> None:
        self._report(Progress(self.part.name, self.state, seconds, detail, lines))


def _how(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
