"""The worker's end of a pixel process: start it, ask it, measure it, kill it.

What it says is bytes here, of limited length and within limited time; `answers` looks into them.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from infra.settings.sections import inherited_environment
from tasks.pixels.folder import Folder
from tasks.pixels.serve import LENGTH

_START_SECONDS = 60  # it loads the pipeline in half a second, unless the machine is on its knees
_ANSWER_BYTES = 4 * 1024 * 1024  # facts, no pixels: a usual answer has 3 kB
_LOOK_SECONDS = 0.02  # how closely the CPU time is looked at when little of it is left
_LIFE = 100  # calls of the longest kind: then a process is replaced, at the latest

# All that a pixel process knows of the worker's environment: how programs and libraries are found,
# and how texts are read. What is not on this list may be a credential.
_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE", "TZ")
_OWN = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # there is a process per CPU


class CpuTimeSpent(Exception):
    """The process used up its CPU time: it would again."""


class Starved(Exception):
    """The process got too little CPU time, or waits for something, and was not done in time."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call may take: CPU seconds of its process, and seconds of a clock on the wall."""

    cpu_seconds: float
    wall_seconds: float


class ForkServer:
    """The process that forks pixel processes; started when needed, again when it died.

    A request is one JSON object. `{"memory_bytes", "cpu_seconds", "group"}` comes with two
    descriptors, the process's end of its connection and its folder, and is answered with its
    number; `{"bury": number}` kills and collects one, and is answered with the signal that ended
    it. Answers are 32-bit integers.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules
        self._lock = Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, bounds: Mapping[str, int], connection: socket.socket, folder: Folder) -> int:
        """Return the number of a new process; raises `EOFError` or `OSError`."""
        descriptors = [connection.fileno(), folder.descriptor]
        with self._lock:
            try:
                return self._ask(bounds, descriptors)
            except (EOFError, OSError):  # it died, before or now: once more, with a new one
                self._end()
                return self._ask(bounds, descriptors)

    def bury(self, pid: int) -> int:
        """Kill a process and wait for its end; return the signal that ended it, 0 if unknown.

        With the server, its processes die as well.
        """
        with self._lock:
            if self._control is None:
                return 0
            try:
                return self._ask({"bury": pid}, [])
            except (EOFError, OSError):
                self._end()
                return 0

    def close(self) -> None:
        """End it, and with it what it forked."""
        with self._lock:
            self._end()

    def _ask(self, request: Mapping[str, int], descriptors: list[int]) -> int:
        control = self._control or self._start()
        socket.send_fds(control, [json.dumps(request).encode()], descriptors)
        answer = control.recv(4, socket.MSG_WAITALL)
        if len(answer) < 4:
            raise EOFError("the server of the pixel processes ended")
        number: int = struct.unpack("=i", answer)[0]
        return number

    def _start(self) -> socket.socket:
        control, theirs = socket.socketpair()
        control.settimeout(_START_SECONDS)
        command = [sys.executable, "-P", "-m", "tasks.pixels.server", str(theirs.fileno())]
        inherited = inherited_environment()
        known = {name: inherited[name] for name in _INHERITED if name in inherited}
        path = os.pathsep.join(entry for entry in sys.path if entry)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                [*command, *self._modules],
                stdin=subprocess.DEVNULL,
                env={**known, **_OWN, "PYTHONPATH": path},
                pass_fds=[theirs.fileno()],
            )
        self._control = control
        return control

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


class Child:
    """One pixel process. A thread of its own asks it; any thread may kill it."""

    def __init__(
        self, server: ForkServer, workplace: Path, *, memory_bytes: int, budget: Budget
    ) -> None:
        self._server = server
        self._budget = budget
        self._life_seconds = int(budget.cpu_seconds * _LIFE) + 1
        bounds = {
            "memory_bytes": memory_bytes,
            "cpu_seconds": self._life_seconds,
            "group": os.getegid(),
        }
        self.folder = Folder(workplace)
        self._connection, theirs = socket.socketpair()
        try:
            with theirs:  # else the connection would not end with the process
                self._pid = server.fork(bounds, theirs, self.folder)
        except BaseException:
            self._connection.close()
            self.folder.remove()
            raise
        self._connection.settimeout(0)
        self._number: int | None = None  # a descriptor that means this process only
        with suppress(AttributeError, OSError):  # not on this system
            self._number = os.pidfd_open(self._pid)
        self._lock = Lock()  # around the end: a number may belong to another process after it
        self._is_buried = False

    def wait_ready(self) -> bytes:
        """Return what it says of its confinement; raise `EOFError` or `OSError` when it died."""
        try:
            return self._receive(Budget(_START_SECONDS, _START_SECONDS))
        except (CpuTimeSpent, Starved) as exc:
            raise EOFError("a pixel process did not start in time") from exc

    def ask(self, work: bytes) -> bytes:
        """Make a call, given as a pickled `Work`, and return the answer.

        Raises `CpuTimeSpent`, `Starved`, `EOFError` or `OSError`: it must be buried then.
        """
        return self._receive(self._budget, LENGTH.pack(len(work)) + work)

    def is_gone(self) -> bool:
        """Whether an idle process died, or spoke unasked, which no sound one does."""
        return bool(_ready(self._connection, select.POLLIN, 0))

    def is_worn(self) -> bool:
        """Whether it must be replaced before its CPU time of a lifetime ends in mid-call."""
        used = self._cpu_seconds()
        return used is not None and used > self._life_seconds / 2

    def kill(self) -> None:
        """Kill it, from any thread; `ask` then ends with an `EOFError`."""
        with self._lock:
            if self._is_buried:
                return
            with suppress(ProcessLookupError):
                if self._number is not None:
                    signal.pidfd_send_signal(self._number, signal.SIGKILL)
                else:
                    os.kill(self._pid, signal.SIGKILL)

    def bury(self) -> int:
        """Kill it, remove its folder; return the signal that had ended it, 0 if unknown."""
        with self._lock:
            if self._is_buried:
                return 0
            self._is_buried = True
            ended_by = self._server.bury(self._pid)
            if self._number is not None:
                os.close(self._number)
            self._connection.close()
        self.folder.remove()
        return ended_by

    def _receive(self, budget: Budget, request: bytes = b"") -> bytes:
        """Send the request, if there is one, and return an answer; raises what `ask` does."""
        wait = self._watch(budget)
        rest = memoryview(request)
        while rest:
            wait(select.POLLOUT)
            rest = rest[self._connection.send(rest) :]
        (length,) = LENGTH.unpack(self._read(LENGTH.size, wait))
        if length > _ANSWER_BYTES:
            raise OSError("a pixel process answers with more than any answer has")
        return self._read(length, wait)

    def _read(self, count: int, wait: Callable[[int], None]) -> bytes:
        data = bytearray()
        while len(data) < count:
            wait(select.POLLIN)
            chunk = self._connection.recv(count - len(data))
            if not chunk:
                raise EOFError("a pixel process ended")
            data += chunk
        return bytes(data)

    def _watch(self, budget: Budget) -> Callable[[int], None]:
        """Return what waits until bytes can be moved, within the budget of one call.

        It raises `CpuTimeSpent` or `Starved` when a limit is met.
        """
        began, before = time.monotonic(), self._cpu_seconds() or 0.0
        cpus = os.cpu_count() or 1

        def wait(event: int) -> None:
            while True:
                wall = budget.wall_seconds - (time.monotonic() - began)
                used = self._cpu_seconds()
                cpu = budget.cpu_seconds - ((used or before) - before)
                if cpu <= 0:
                    raise CpuTimeSpent
                if wall <= 0:
                    raise Starved
                # A limit can be met then at the earliest.
                look = wall if used is None else min(wall, max(cpu / cpus, _LOOK_SECONDS))
                if _ready(self._connection, event, look):
                    return

        return wait

    def _cpu_seconds(self) -> float | None:
        """Return the CPU time of all its threads; None where another's cannot be read."""
        try:
            return time.clock_gettime(~self._pid << 3 | 2)  # MAKE_PROCESS_CPUCLOCK of Linux
        except (AttributeError, OSError):
            return None


def _ready(connection: socket.socket, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(connection, event)
    return bool(poll.poll(seconds * 1000))
