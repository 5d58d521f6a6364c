"""`make test-stack`: keeps a stack, which `make test T=…` attaches to instead of starting its own.

It stays until Ctrl-C. Sessions look at its parts and move them through a socket in its directory
(tests/support/stack_client.py).
"""

import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self

import pytest

from infra.settings.sections import StackSettings
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from infra.stack.supervisor.errors import StackError
from infra.stack.supervisor.part import Progress, always, nothing
from infra.stack.supervisor.part_supervisor import PartSupervisor
from infra.stack.supervisor.progress import describe
from tests.conftest import ENVIRONMENT
from tests.support.stack_client import ACTIONS, LOOK, address_of, key_of

_DIRECTORY = Path(__file__).resolve().parents[2] / ".local" / "test-stack"
_READY = "\nThe stack stays until Ctrl-C. In another terminal: make test T=tests/e2e K=name\n"


class PartServer:
    """Lets other processes look at parts and move them, inside a `with`."""

    def __init__(self, part: Callable[[str], PartSupervisor], address: str, key: bytes) -> None:
        self._part = part
        self._address, self._key = address, key
        Path(address).unlink(missing_ok=True)
        self._listener = Listener(address, authkey=key)
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with Client(self._address, authkey=self._key) as last:
            last.send(None)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection = self._listener.accept()
                request = connection.recv()
            except (AuthenticationError, EOFError, OSError):  # a caller that went away
                continue
            if request is None:
                connection.close()
                return
            Thread(target=self._answer, args=(connection, *request), daemon=True).start()

    def _answer(self, connection: Connection, name: str, action: str) -> None:
        with connection:
            try:
                part = self._part(name)
                if action == LOOK:
                    connection.send(_seen(part))
                elif action in ACTIONS:
                    connection.send(getattr(part, action)())
            except StackError as exc:
                connection.send(exc)


def _seen(part: PartSupervisor) -> object:
    """What a session may know of a part; functions stay here."""
    plain = replace(part.part, prepare=nothing, probe=always, settle=nothing, clean=nothing)
    return plain, part.log, part.pid


def main() -> int:
    """Keep a stack until a signal comes; return the exit status."""
    settings = StackSettings(
        stack_directory=_DIRECTORY,
        api_port=free_port(),
        prefect_port=free_port(),
        workers=1,
        fetch_allowed_private_hosts="127.0.0.1",
    )
    stack = Stack(settings, _tell)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stack.interrupt())
    try:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in ENVIRONMENT.items():
                environment.setenv(name, value)
            with stack, PartServer(stack.part, address_of(_DIRECTORY), key_of(stack.description)):
                sys.stdout.write(_READY)
                sys.stdout.flush()
                failure = stack.wait()
    except StackError as exc:
        failure = exc
    sys.stdout.write(f"{failure or 'Stopped.'}\n")
    return 1 if failure else 0


def _tell(progress: Progress) -> None:
    lines = (describe(progress), *(f"           | {line}" for line in progress.lines))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
