"""The command line as its users have it: a process, its two outputs and its exit status."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

_PROGRAM = Path(sys.executable).with_name("product-images")
_PROJECT = Path(__file__).resolve().parent.parent
_KEPT = ("PATH", "HOME", "PYTHONPATH")  # no variable of ours comes from outside
_SECONDS = 60


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The only thing on standard output, read as JSON."""
        return json.loads(self.out)


def run(directory: Path, *arguments: str, typed: str = "", **environment: str) -> Done:
    """Run a command in a directory; `typed` is what stands on its standard input.

    Its process is a fork of one that has imported the program already, unless a variable tells
    Python itself how to start.
    """
    command = [str(_PROGRAM), *arguments]
    variables = {**_kept(), **environment}
    if any(name.startswith("PYTHON") for name in environment):
        return _started(command, directory, variables, typed)
    request = {"command": command, "directory": str(directory), "environment": variables}
    with TemporaryFile() as inputs, TemporaryFile() as out, TemporaryFile() as err:
        inputs.write(typed.encode())
        inputs.seek(0)
        status = _forked(request, inputs.fileno(), out.fileno(), err.fileno())
        out.seek(0)
        err.seek(0)
        return Done(status, _text(out.read()), _text(err.read()))


def _text(output: bytes) -> str:
    """As a terminal shows it: every line end is one."""
    return output.decode().replace("\r\n", "\n")


def _started(command: list[str], directory: Path, environment: dict[str, str], typed: str) -> Done:
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _forked(request: dict[str, object], *streams: int) -> int:
    """Have a command run with these standard streams; return its exit status."""
    receiving, answering = os.pipe()
    with open(receiving, "rb", buffering=0) as answer:  # noqa: PTH123 - not a path
        try:
            message = json.dumps(request).encode()
            socket.send_fds(_server(), [message], [*streams, answering])
        finally:
            os.close(answering)
        process_id = int(answer.readline())
        if not select.select([answer], [], [], _SECONDS)[0]:
            os.kill(process_id, signal.SIGKILL)
            raise AssertionError(f"not within {_SECONDS} s: {request['command']} has ended")
        return int(answer.readline())


@cache
def _server() -> socket.socket:
    """Start what forks the commands; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.command_server", str(theirs.fileno())]
        process = subprocess.Popen(
            command,
            cwd=_PROJECT,
            env=_kept(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait(_SECONDS)

    atexit.register(end)
    return ours


def _kept() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ}
