"""Forks pixel processes from one that has loaded the pipeline: `python -m tasks.pixels.server`.

A process of its own, because a fork of the worker would copy its threads' locks, its memory and,
in /proc, the credentials that it was started with. It has one thread, opens nothing, and ends with
the worker's end of its socket. The protocol is at `process.ForkServer`.
"""

import codecs
import importlib
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress

from tasks.imaging.decode.load import load_formats
from tasks.pixels.confine import Bounds
from tasks.pixels.malloc import keep_freed_memory
from tasks.pixels.serve import serve

_REQUEST_BYTES = 4096
_DESCRIPTORS = 2  # of a new process: its end of the connection, and its folder
_ENCODINGS = (
    "ascii",
    "latin-1",
    "cp1252",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
)
_FIRST_OF_OURS = 3  # after standard input, output and error


def main() -> None:
    """Load what calls need, then fork and bury on request until the other end closes."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they reach the whole group; the worker decides
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=int(sys.argv[1]))
    for module in sys.argv[2:]:
        importlib.import_module(module)
    # Later, a process may not be able to read what Pillow and Python load on demand.
    load_formats()
    for encoding in _ENCODINGS:
        codecs.lookup(encoding)
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _REQUEST_BYTES, _DESCRIPTORS)
        if not data:
            return
        message: dict[str, int] = json.loads(data)
        if "bury" in message:
            control.sendall(struct.pack("=i", _bury(message["bury"])))
        else:
            control.sendall(struct.pack("=i", _fork(control, message, descriptors)))
        for descriptor in descriptors:
            os.close(descriptor)


def _fork(control: socket.socket, message: dict[str, int], descriptors: list[int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        control.detach()
        connection, folder = descriptors
        os.dup2(connection, _FIRST_OF_OURS)
        os.dup2(folder, _FIRST_OF_OURS + 1)
        os.closerange(_FIRST_OF_OURS + 2, os.sysconf("SC_OPEN_MAX"))
        keep_freed_memory()
        serve(_FIRST_OF_OURS, Bounds(folder=_FIRST_OF_OURS + 1, **message))
    except BaseException:  # noqa: BLE001 - a bug: shown, and the end of this process, never of the server's copy
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


def _bury(pid: int) -> int:
    """Kill a process and collect it; return the signal that ended it, else 0.

    It is collected here only, so that its number is not given to another before.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


if __name__ == "__main__":
    main()
