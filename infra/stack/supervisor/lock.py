"""One supervisor per stack directory: a lock that the kernel releases when its holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO

from infra.stack.supervisor.errors import AlreadyRunning

FILE_NAME = "supervisor.lock"
_SURE_AFTER_SECONDS = 1.0  # another process' look at the lock passes within this time
_GUARD_SECONDS = 60.0
_POLL_SECONDS = 0.05


class Role(StrEnum):
    """Who holds the lock."""

    SUPERVISOR = "supervisor"
    GUARD = "guard"  # cleans up after a dead supervisor and goes away


@contextmanager
def held_lock(directory: Path, role: Role) -> Iterator[None]:
    """Hold the directory's lock; raise `AlreadyRunning` when a supervisor holds it."""
    with (directory / FILE_NAME).open("a+") as file:
        begun = time.monotonic()
        while not _try(file):
            waited = time.monotonic() - begun
            pid, holder_role = _holder(directory)
            if waited > (_GUARD_SECONDS if holder_role == Role.GUARD else _SURE_AFTER_SECONDS):
                raise AlreadyRunning(f"The stack in {directory} is running already (pid {pid}).")
            time.sleep(_POLL_SECONDS)
        os.fchmod(file.fileno(), 0o600)
        file.truncate(0)
        file.write(f"{os.getpid()} {role}")
        file.flush()
        yield


def supervisor_pid(directory: Path) -> int | None:
    """Return the process id of the supervisor that holds the lock, or None."""
    try:
        with (directory / FILE_NAME).open("r+") as file:
            if _try(file):
                return None
    except OSError:
        return None
    pid, role = _holder(directory)
    return pid if role == Role.SUPERVISOR else None


def _try(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(directory: Path) -> tuple[int, str]:
    pid, _, role = (directory / FILE_NAME).read_text().partition(" ")
    return (int(pid) if pid.isdigit() else 0), role
