"""Ends a conversation when its total time is over, wherever it is stuck.

Socket timeouts count from the last byte, so a byte a second never trips them. This shuts the
connection from a timer instead, which wakes every read, write and handshake at once.
"""

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

from infra.errors import ErrorCode, FetchFailed


class Deadline:
    """A span of time that starts when the block is entered; watches one socket at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._expired = False
        self._handle: socket.socket | None = None
        self._timer = threading.Timer(seconds, self.expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._end = time.monotonic() + self._seconds
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._release()

    @property
    def expired(self) -> bool:
        """Whether the time is over; what was read since then may be cut off."""
        return self._expired or time.monotonic() >= self._end

    def remaining(self, at_most_seconds: float) -> float:
        """Return the seconds that are left, at most those given; raise when there are none."""
        self.check()
        return max(0.001, min(at_most_seconds, self._end - time.monotonic()))

    def check(self) -> None:
        """Raise `FetchFailed` with the code `total_timeout` when the time is over."""
        if self.expired:
            detail = f"The picture did not arrive within {self._seconds:g} seconds."
            raise FetchFailed(ErrorCode.TOTAL_TIMEOUT, detail)

    def watch(self, connected: socket.socket) -> None:
        """Shut this socket at the end of the time; the one watched before is let go."""
        self._release()
        with self._lock:
            # A descriptor of our own: wrapping in TLS takes the socket's away, and a closed
            # one may already belong to somebody else.
            self._handle = connected.dup()
        if self.expired:
            self.expire()

    def expire(self) -> None:
        """End the time now; may be called from any thread."""
        with self._lock:
            self._expired = True
            if self._handle is not None:
                with contextlib.suppress(OSError):  # the other side was faster
                    self._handle.shutdown(socket.SHUT_RDWR)

    def _release(self) -> None:
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None
