"""A machine that is busy with other things, and a Prefect server that is slow to answer."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread

_LOOP = "import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
_PIECE_BYTES = 65_536


@contextmanager
def busy_loops(count: int, *, seconds: float) -> Iterator[None]:
    """Keep so many processes computing for the length of the block, but no longer than this."""
    command = [sys.executable, "-S", "-c", _LOOP.format(seconds=seconds)]
    loops = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


class SlowRelay:
    """A TCP relay that holds answers back: those to a marked request for longer than the others."""

    def __init__(self, port: int, *, marked: bytes, marked_seconds: float, seconds: float) -> None:
        """Relay to this local port. `marked` is how the slow requests begin."""
        self._target = port
        self._marked = marked
        self._marked_seconds = marked_seconds
        self._seconds = seconds
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = Event()
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> "SlowRelay":
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        is_marked = Event()
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            back = Thread(target=self._answer, args=(server, client, is_marked), daemon=True)
            back.start()
            with suppress(OSError):
                while data := client.recv(_PIECE_BYTES):
                    is_marked.set() if data.startswith(self._marked) else is_marked.clear()
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
            back.join()

    def _answer(self, server: socket.socket, client: socket.socket, is_marked: Event) -> None:
        with suppress(OSError):
            while data := server.recv(_PIECE_BYTES):
                self._closed.wait(self._marked_seconds if is_marked.is_set() else self._seconds)
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
