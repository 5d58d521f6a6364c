"""One pixel process: its handle in the parent, and what runs inside it.

A child holds hostile bytes in C code, so it is built to be killed at any moment. It must not know
queues, jobs, databases or Prefect, and it imports nothing that does.
"""

import fcntl
import multiprocessing
import os
import pickle
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

import tasks.imaging.render  # noqa: F401 - a child has the whole pipeline before its first call
from infra.errors import ErrorCode, ImageRefused, ProductImagesError
from tasks.imaging.heap import keep_freed_memory

_START_SECONDS = 30  # a child is there in a tenth of a second, unless the machine is on its knees
_FORK_SERVER_SECONDS = 5  # a killed one is collected, and so replaced, in milliseconds
_PAUSE_SECONDS = 0.02
# Forked from a small server process: forking the parent itself would copy its threads' locks.
_CONTEXT = multiprocessing.get_context("forkserver")
_PRELOADED = [__name__]  # with the pipeline: a new child is a fork of a process that has it all


@dataclass(frozen=True, slots=True)
class Work:
    """A function to call in a child, and its arguments; all of it picklable."""

    function: Callable[..., object]
    arguments: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The call returned."""

    value: object


@dataclass(frozen=True, slots=True)
class Refused:
    """The call ended with one of this project's errors."""

    error: ProductImagesError


class Child:
    """The parent's handle: starts the process, asks it, kills it."""

    def __init__(self, memory_bytes: int) -> None:
        _CONTEXT.set_forkserver_preload(_PRELOADED)
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(theirs, memory_bytes), daemon=True)
        _start(self._process)
        theirs.close()  # else the pipe would not end with the child

    def wait_ready(self) -> None:
        """Return when it can be asked; raise `EOFError` or `OSError` when it cannot be started."""
        try:
            self._receive(_START_SECONDS)
        except TimeoutError as exc:
            raise EOFError("a pixel process did not start in time") from exc

    def ask(self, work: bytes, timeout_seconds: float) -> Done | Refused:
        """Make a call, given as a pickled `Work`.

        Raises `TimeoutError` when the answer is late, `EOFError` or `OSError` when the child died.
        """
        self._connection.send_bytes(work)
        return self._receive(timeout_seconds)

    def is_gone(self) -> bool:
        """Whether an idle child died: it never speaks unasked, so only an end can be read."""
        return self._connection.poll(0)

    def kill(self) -> None:
        """Kill it, from any thread; `ask` then ends with an `EOFError`."""
        self._process.kill()

    def bury(self) -> None:
        """Kill it and release what it held."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _receive(self, timeout_seconds: float) -> Done | Refused:
        if not self._connection.poll(timeout_seconds):
            raise TimeoutError
        answer: Done | Refused = pickle.loads(self._connection.recv_bytes())  # noqa: S301 - our own child wrote it
        return answer


def _start(process: ForkServerProcess) -> None:
    """Start it. A service's stop kills the fork server, which is replaced only when collected."""
    deadline = time.monotonic() + _FORK_SERVER_SECONDS
    while True:
        try:
            process.start()
        except (ConnectionError, EOFError):  # it died before, or while, it was asked
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _serve(connection: Connection, memory_bytes: int) -> None:
    """Answer calls until the other end closes; the first message says that the child is ready."""
    _leave_signals_to_the_parent()
    _limit_resources(memory_bytes)
    keep_freed_memory()
    _die_with_the_parent()
    connection.send_bytes(pickle.dumps(Done(None)))
    while True:
        try:
            work = pickle.loads(connection.recv_bytes())  # noqa: S301 - our own parent wrote it
        except EOFError:
            return
        connection.send_bytes(pickle.dumps(_answer(work)))


def _answer(work: Work) -> Done | Refused:
    """Make the call. Any exception but ours is a bug: it ends the child, with a traceback."""
    try:
        return Done(work.function(*work.arguments))
    except ProductImagesError as error:
        return Refused(error)
    except MemoryError:
        detail = "This picture needs more memory than one picture may use."
        return Refused(ImageRefused(ErrorCode.OUT_OF_MEMORY, detail))


def _leave_signals_to_the_parent() -> None:
    """Ctrl-C and a service's stop reach the whole group; the parent may want to finish first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _limit_resources(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core of a picture in work helps nobody


def _die_with_the_parent() -> None:
    """Ask the kernel for a signal when the parent's end of the sentinel pipe closes.

    An idle child sees its own pipe end; one in C code would outlive its parent by minutes. A
    watching thread would not do, because some decoders never let it run; neither would the
    parent-death signal, because it follows the fork server, which the children keep alive.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        signal.signal(signal.SIGIO, signal.SIG_DFL)  # which is to end the process, on Linux
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)
