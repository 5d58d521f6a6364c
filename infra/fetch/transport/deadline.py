"""Ends a conversation when its total time is over or on request, wherever it is stuck.

Socket timeouts count from the last byte, so a byte a second never trips them. This shuts the
connection from another thread instead, which wakes every connect, read, write and handshake at
once.
"""

import contextlib
import socket
import threading
import time
from concurrent.futures import Future
from typing import Self

from infra.contract.errors import ErrorCode, FetchFailed
from infra.fetch.transport.stop import stopped


class Deadline:
    """A span of time that starts when the block is entered; watches one socket at a time."""

    def __init__(self, seconds: float) -> None:
        self.over: Future[None] = Future()
        """Done when the conversation must end: for waits that no socket is part of."""
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._stopped = False
        self._handle: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._finish)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._end = time.monotonic() + self._seconds
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._release()

    def remaining(self, at_most_seconds: float) -> float:
        """Return the seconds that are left, at most those given; raise when there are none."""
        self.check()
        return max(0.001, min(at_most_seconds, self._end - time.monotonic()))

    def check(self) -> None:
        """Raise when it is over; what was read since then may be cut off.

        `Stopped` when it was requested, else `FetchFailed` with the code `total_timeout`.
        """
        if self._stopped:
            raise stopped()
        if self._is_over():
            detail = f"The image did not arrive within {self._seconds:g} seconds."
            raise FetchFailed(ErrorCode.TOTAL_TIMEOUT, detail)

    def watch(self, connection: socket.socket) -> None:
        """Shut this socket when it is over; the one watched before is let go.

        A socket that is not connecting yet cannot be shut: check again after it has.
        """
        self._release()
        with self._lock:
            # A descriptor of our own: wrapping in TLS takes the socket's away, and a closed
            # one may already belong to another user.
            self._handle = connection.dup()
        if self._is_over():
            self._finish()

    def stop(self) -> None:
        """End the conversation now; may be called from any thread, and again."""
        self._stopped = True
        self._finish()

    def _is_over(self) -> bool:
        return self.over.done() or time.monotonic() >= self._end

    def _finish(self) -> None:
        with self._lock:
            if not self.over.done():
                self.over.set_result(None)
            if self._handle is not None:
                with contextlib.suppress(OSError):  # the other side was faster
                    self._handle.shutdown(socket.SHUT_RDWR)

    def _release(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None
