"""An HTTP server on loopback that misbehaves as each test tells it to, byte by byte.

It owns its threads and sockets and ends them with its block; waiting misbehaviour (a drip) waits
for that end, so nothing outlives a test.
"""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Self

DRIP_SECONDS = 0.05
DEADLINE_SECONDS = 10
_MAX_REQUEST_BYTES = 64 * 1024


class Exchange:
    """One request that arrived, and the connection to answer on."""

    def __init__(self, connection: socket.socket, head: str, stopping: threading.Event) -> None:
        self.connection = connection
        self.path = head.split(" ")[1]
        lines = head.split("\r\n")[1:]
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        self._stopping = stopping

    def send(self, *parts: bytes) -> None:
        """Send the parts one after the other."""
        for part in parts:
            self.connection.sendall(part)

    def drip(self, text: bytes) -> None:
        """Send one byte at a time, slowly, until the other side has had enough."""
        for byte in text:
            self.send(bytes([byte]))
            if self.pause():
                return

    def pause(self, seconds: float = DRIP_SECONDS) -> bool:
        """Wait; return True when the server is to stop."""
        return self._stopping.wait(seconds)

    def hang(self) -> None:
        """Say nothing until the server is to stop."""
        self._stopping.wait(DEADLINE_SECONDS)


Answer = Callable[[Exchange], None]


class HostileServer:
    """Answers each path by its own function; remembers every request."""

    def __init__(
        self,
        answers: Mapping[str, Answer],
        *,
        tls: ssl.SSLContext | None = None,
        greeting: Answer | None = None,
    ) -> None:
        self.requests: list[Exchange] = []
        self._answers = answers
        self._tls = tls
        self._greeting = greeting  # instead of listening: what is said to any request
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in tuple(self._threads):
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()
        self._listener.close()

    def url(self, path: str, *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        """Return the URL of a path."""
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [request.path for request in self.requests]

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]  # bound at once

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(DEADLINE_SECONDS)
        # Whoever hangs up on a hostile server is right.
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:
            opened.enter_context(connection)
            if self._tls is not None:
                connection = opened.enter_context(
                    self._tls.wrap_socket(connection, server_side=True)
                )
            if self._greeting is not None:
                self._greeting(Exchange(connection, "GET / HTTP/1.1", self._stopping))
                return
            head = _head(connection)
            if head:
                exchange = Exchange(connection, head, self._stopping)
                self.requests.append(exchange)
                self._answers[exchange.path.partition("?")[0]](exchange)


def _head(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _MAX_REQUEST_BYTES:
        part = connection.recv(4096)
        if not part:
            return ""
        received += part
    return received.decode("latin-1")


def answering(status: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Return a well-behaved answer with a correct length."""

    def answer(exchange: Exchange) -> None:
        fields = {"Content-Length": str(len(body)), **(headers or {})}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
        exchange.send("\r\n".join([*lines, "", ""]).encode("latin-1"), body)

    return answer


def redirecting(location: str, *, status: str = "302 Found") -> Answer:
    """Return a redirect without a body."""
    return answering(status, headers={"Location": location})


def reset(connection: socket.socket) -> None:
    """Close the connection the rude way: the other side gets an error, not an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """Listen without accepting and fill the queue; give the port, which answers nobody."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        contextlib.ExitStack() as opened,
    ):
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - the signature is the socket's
            waiting.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
