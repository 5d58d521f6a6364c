"""Records of the processes that a supervisor started, and what is done about left-over ones.

A process is known by its id *and* its birth, so that a stranger who got the same id later is
never touched. Nothing is ever looked up by name.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.stack.private_files import replace_private

FILE_NAME = "processes.json"
_GRACE_SECONDS = 10.0  # at most: no supervisor watches them any more
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A part's process, as it was when the supervisor last wrote it down.

    `since` is seconds since the epoch; `stop_signal` asks the process to end in order.
    """

    name: str
    pid: int
    birth: str
    state: str
    since: float
    port: int | None = None
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return bool(self.birth) and birth_of(self.pid) == self.birth


def birth_of(pid: int) -> str:
    """Return what tells a process from a later one with the same id; empty when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        if Path("/proc/self").exists():
            return ""
        answer = subprocess.run(  # noqa: S603 - fixed but for a number
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - where there is no /proc
            capture_output=True,
            text=True,
            check=False,
        )
        return answer.stdout.strip()
    return "" if fields[0] == "Z" else f"{boot}:{fields[19]}"


def save_records(path: Path, records: Iterable[ProcessRecord]) -> None:
    """Write the records, in the order in which the parts were started."""
    replace_private(path, json.dumps([asdict(record) for record in records], indent=2))


def load_records(path: Path) -> tuple[ProcessRecord, ...]:
    """Return the records, or none when nothing readable is there."""
    try:
        return tuple(ProcessRecord(**fields) for fields in json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return ()


def stop_leftovers(path: Path) -> tuple[ProcessRecord, ...]:
    """Stop what a dead supervisor left behind, last started first; return what was stopped."""
    alive = tuple(record for record in reversed(load_records(path)) if record.is_alive())
    for record in alive:
        _signal(record, signal.Signals(record.stop_signal))
        _wait(record)
        if record.is_alive():
            _signal(record, signal.SIGKILL)
            _wait(record)
    path.unlink(missing_ok=True)
    return alive


def _signal(record: ProcessRecord, number: signal.Signals) -> None:
    # Each part leads a session of its own, so a kill reaches the children that it started.
    with suppress(ProcessLookupError, PermissionError):
        if number == signal.SIGKILL and os.getpgid(record.pid) == record.pid:
            os.killpg(record.pid, number)
        else:
            os.kill(record.pid, number)


def _wait(record: ProcessRecord) -> None:
    deadline = time.monotonic() + min(record.stop_seconds, _GRACE_SECONDS)
    while record.is_alive() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
