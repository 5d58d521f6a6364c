"""An HTTP server for as long as a test needs it."""

import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_POLL_SECONDS = 0.02  # how soon it notices that it shall stop
_had: set[int] = set()  # every port that was given away


class LoopbackServer:
    """Serves on a port of this machine's loopback, inside a `with`.

    By default on one that no server had before in this session: what the system learned of a host,
    that it wants a pause for example, it knows by the port for longer than a test lasts.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0) -> None:
        self._server = _on(port, handler) if port else _on_a_fresh_port(handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )

    @property
    def address(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _on(port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def _on_a_fresh_port(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    with ExitStack() as held:  # so that none of them is given twice
        while True:
            server = _on(0, handler)
            if server.server_port not in _had:
                _had.add(server.server_port)
                return server
            held.callback(server.server_close)
