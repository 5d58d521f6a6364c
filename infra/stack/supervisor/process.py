"""One part's operating-system process: spawn, look, signal, and the end of its log.

Knows nothing of other parts, of order or of restarts.
"""

import os
import signal
import subprocess
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from infra.stack.private_files import open_private, private_directory
from infra.stack.supervisor.part import Part
from infra.stack.supervisor.record import birth_of

_POLL_SECONDS = 0.02
_PRIVATE_UMASK = 0o077  # what a part writes is for its own account
_LOG_LIMIT_BYTES = 10 * 1024 * 1024


class PartProcess:
    """The running process of a part; one object per start."""

    def __init__(self, part: Part, log: Path) -> None:
        self.part = part
        self.log = log
        private_directory(log.parent)
        if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.old"))
        self._log_start = log.stat().st_size if log.exists() else 0
        with open_private(log, "a") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - the commands are ours
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(part.environment),
                cwd=part.directory,
                # A session of its own: Ctrl-C reaches the supervisor only, a kill the whole group.
                start_new_session=True,
                user=part.uid,
                group=part.gid,
                extra_groups=None if part.uid is None else [],
                umask=_PRIVATE_UMASK,
            )
        self.pid = self._popen.pid
        self.birth = birth_of(self.pid)

    def exit_code(self) -> int | None:
        """Return how the process ended (negative: by that signal), or None while it runs."""
        if self._popen.returncode is not None:
            return self._popen.returncode
        if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        # Not reaped yet, so the group's number is still ours: its last members end here.
        self._kill_group()
        return self._popen.wait()

    def log_end(self, count: int) -> tuple[str, ...]:
        """Return the last lines that this process, not one before it, wrote."""
        return last_lines(self.log, count, start_byte=self._log_start)

    def ask_to_stop(self) -> None:
        """Send the signal that lets the process end in order."""
        if self.exit_code() is None:
            os.kill(self.pid, self.part.stop_signal)

    def kill(self) -> None:
        """Send SIGKILL to the process alone, as the kernel would."""
        if self.exit_code() is None:
            os.kill(self.pid, signal.SIGKILL)

    def finish(self) -> None:
        """Wait for the end, at most the part's `stop_seconds`; then kill the whole group."""
        if not self.ended_within(self.part.stop_seconds):
            self._kill_group()
            self.ended_within(self.part.stop_seconds)
        self.part.clean()

    def ended_within(self, seconds: float) -> bool:
        """Wait for the end of the process; False when it still runs."""
        deadline = time.monotonic() + seconds
        while self.exit_code() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def last_lines(log: Path, count: int, *, start_byte: int = 0) -> tuple[str, ...]:
    """Return the last lines of a log, oldest first, none from before `start_byte`."""
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            lines.seek(start_byte)
            return tuple(line.rstrip("\n") for line in deque(lines, maxlen=count))
    except OSError:
        return ()
