"""A stack in the background: start its supervisor, wait until it is ready, stop it again."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from infra.settings.sections import StackSettings, inherited_environment
from infra.stack.private_files import open_private, private_directory
from infra.stack.supervisor.errors import AlreadyRunning, StackError
from infra.stack.supervisor.lock import Role, held_lock, supervisor_pid
from infra.stack.supervisor.orphan_cleanup import clear_away
from infra.stack.supervisor.part import PartState, Report
from infra.stack.supervisor.process import last_lines
from infra.stack.supervisor.progress import FILE_NAME as PROGRESS
from infra.stack.supervisor.progress import WHOLE, new_lines
from infra.stack_description import FILE_NAME as DESCRIPTION
from infra.stack_description import StackDescription

LOG = "supervisor.log"
_POLL_SECONDS = 0.1
_STOP_SECONDS = 180.0
_SHOWN_LINES = 15


def start_detached(settings: StackSettings, report: Report) -> StackDescription:
    """Start a supervisor in the background and return when all is ready.

    A stack that runs in the directory already is returned as it is. Raises `StackError` when
    the new one does not become ready; nothing is left running then.
    """
    directory = settings.stack_directory.resolve()
    private_directory(directory)
    if supervisor_pid(directory) is None:
        open_private(directory / PROGRESS, "w").close()
        chosen = settings.model_dump().items()
        variables = {name.upper(): "" if value is None else str(value) for name, value in chosen}
        with open_private(directory / LOG, "w") as output:
            supervisor = subprocess.Popen(
                (sys.executable, "-m", "infra.stack"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=inherited_environment() | variables,
                start_new_session=True,
            )
        _follow(supervisor, directory, report)
    return StackDescription.load(directory / DESCRIPTION)


def stop_running(stack_directory: Path) -> bool:
    """Stop the stack of a directory and what a dead one left; False when nothing ran."""
    directory = stack_directory.resolve()
    pid = supervisor_pid(directory)
    if pid is None:
        if directory.exists():
            with suppress(AlreadyRunning), held_lock(directory, Role.GUARD):
                return clear_away(directory)
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while supervisor_pid(directory) == pid:
        if time.monotonic() > deadline:
            raise StackError(f"The supervisor (pid {pid}) did not stop the stack in time.")
        time.sleep(_POLL_SECONDS)
    return True


def _follow(supervisor: subprocess.Popen[bytes], directory: Path, report: Report) -> None:
    try:
        with (directory / PROGRESS).open() as file:
            while not _became_ready(file, report):
                _require_alive(supervisor, directory, file, report=report)
                time.sleep(_POLL_SECONDS)
    except BaseException:  # Ctrl-C too: nothing half started may stay
        supervisor.terminate()
        supervisor.wait()
        raise


def _became_ready(file: IO[str], report: Report) -> bool:
    ready = False
    for progress in new_lines(file):
        if progress.part == WHOLE and progress.state is PartState.FAILED:
            raise StackError(progress.detail)
        report(progress)
        ready = ready or (progress.part == WHOLE and progress.state is PartState.READY)
    return ready


def _require_alive(
    supervisor: subprocess.Popen[bytes], directory: Path, file: IO[str], *, report: Report
) -> None:
    if supervisor.poll() is None:
        return
    _became_ready(file, report)  # reports what it wrote before it ended
    lines = last_lines(directory / LOG, _SHOWN_LINES)
    raise StackError("\n".join(("The stack did not start:", *lines)))
