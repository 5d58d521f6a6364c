"""Forks a process for each command of the tests: the imports, seconds of CPU, are done once here.

What is forked is as `product-images` would be: its arguments, directory, environment, standard
streams and exit status. It runs alone in this process, which has one thread and opens nothing.
Started by `tests/commands.py` as `python -m tests.command_server DESCRIPTOR`.
"""

import atexit
import gc
import json
import os
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress

# All commands but those that load Pillow, whose libraries may start threads.
from api.cli.main import main

_MOST_BYTES = 1_000_000
_STREAMS = 3  # and then the pipe for the answer


def become_a_command(channel: socket.socket) -> None:
    """Fork for each request; return in the process of a command, exit when there is no caller."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _MOST_BYTES, _STREAMS + 1)
        _reap()
        if not message:
            os._exit(0)
        if os.fork() == 0:
            channel.close()
            if _is_the_command(descriptors):
                _take_over(json.loads(message), descriptors)
                return
        for each in descriptors:
            os.close(each)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _is_the_command(descriptors: list[int]) -> bool:
    """Fork once more; the parent tells the id of the other and how it ended, and exits."""
    child = os.fork()
    if child == 0:
        return True
    answer = descriptors[_STREAMS]
    os.write(answer, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(answer, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _take_over(request: dict[str, object], descriptors: list[int]) -> None:
    for number, each in enumerate(descriptors[:_STREAMS]):
        os.dup2(each, number)
    for each in descriptors:
        os.close(each)
    os.chdir(str(request["directory"]))
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]  # as it was sent
    sys.argv = request["command"]  # type: ignore[assignment]  # as it was sent


def status_of(program: Callable[[], None]) -> int:
    """Run a program to its end; return its exit status, as Python would."""
    try:
        program()
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        sys.stderr.write(f"{stop.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - shown, and the process ends
        traceback.print_exc()
        return 1
    return 0


def end(status: int) -> None:
    """End this process without taking apart what was imported, which costs more than a command."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    gc.freeze()  # so that what was imported stays shared
    with socket.socket(fileno=int(sys.argv[1])) as caller:
        become_a_command(caller)
    __package__ = None  # as a program that is installed: it goes by its own name
    end(status_of(main))
