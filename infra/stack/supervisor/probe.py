"""Questions to a part that only a working one answers; one short try each, never a wait.

Speaks just enough of each protocol with the standard library: the vendors' clients have their
home in the adapters.
"""

import socket
from http.client import HTTPConnection, HTTPException

LOOPBACK = "127.0.0.1"
_TRY_SECONDS = 1.0
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"  # the broker answers the header with Connection.Start


def http_answers(port: int, path: str, *, statuses: tuple[int, ...] = (200,)) -> bool:
    """Whether GET on loopback answers with one of the statuses."""
    return http_status("GET", port, path) in statuses


def http_status(method: str, port: int, path: str, *, body: bytes | None = None) -> int | None:
    """Return the status of one request to loopback, or None without an answer."""
    connection = HTTPConnection(LOOPBACK, port, timeout=_TRY_SECONDS)
    try:
        connection.request(method, path, body=body)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def amqp_answers(port: int) -> bool:
    """Whether a broker opens the AMQP conversation."""
    return _exchange(port, _AMQP_HEADER).startswith(_METHOD_FRAME)


def redis_answers(port: int, password: str) -> bool:
    """Whether a Redis or Valkey server accepts the password."""
    return _exchange(port, f"AUTH {password}\r\n".encode()).startswith(b"+OK")


def accepts(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=_TRY_SECONDS).close()
    except OSError:
        return False
    return True


def _exchange(port: int, request: bytes) -> bytes:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=_TRY_SECONDS) as connection:
            connection.sendall(request)
            return connection.recv(64)
    except OSError:
        return b""
