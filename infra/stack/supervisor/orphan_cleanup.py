"""Stops a stack's processes when its supervisor dies without stopping them (SIGKILL).

A process of its own that only waits, started by the supervisor as
`python -m infra.stack.supervisor.orphan_cleanup DIRECTORY` with a pipe as its standard input.
The pipe ends with `DONE` after an orderly stop.
"""

import subprocess
import sys
from pathlib import Path
from typing import IO

from infra.stack.supervisor.errors import AlreadyRunning
from infra.stack.supervisor.lock import Role, held_lock
from infra.stack.supervisor.record import FILE_NAME as RECORDS
from infra.stack.supervisor.record import stop_leftovers
from infra.stack_description import FILE_NAME as DESCRIPTION

_DONE = b"done"
_SECONDS = 5


class OrphanCleanup:
    """The supervisor's end of the guard."""

    def __init__(self, directory: Path) -> None:
        self._popen = subprocess.Popen(  # noqa: S603 - our own module
            (sys.executable, "-m", "infra.stack.supervisor.orphan_cleanup", str(directory)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Tell the guard that all is stopped, and see it go."""
        try:
            self._popen.communicate(_DONE, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


def clear_away(directory: Path) -> bool:
    """Stop what a dead supervisor left running, forget its description; False: nothing ran."""
    stopped = stop_leftovers(directory / RECORDS)
    (directory / DESCRIPTION).unlink(missing_ok=True)
    return bool(stopped)


def main(directory: Path, pipe: IO[bytes]) -> int:
    """Wait for the end of the pipe; clean up unless it ended in order."""
    if pipe.read() == _DONE:
        return 0
    try:
        with held_lock(directory, Role.GUARD):
            clear_away(directory)
    except AlreadyRunning:
        return 0  # a new supervisor was faster, and cleans up itself
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.stdin.buffer))
