"""Sends a request over a connection that is already open, so that nothing else can be reached.

Requests and urllib3 get a connected socket instead of an address: they resolve nothing, use no
proxy, and cannot connect again. The host that they know is the URL's own, for the Host header
and for the certificate's name. This module must not know how the address was chosen.
"""

import socket
import ssl
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from infra.contract.errors import ErrorCode, FetchFailed
from infra.fetch.response_head import BoundedAnswer
from infra.fetch.safety.host import Address
from infra.fetch.safety.source_url import SourceUrl
from infra.fetch.transport.deadline import Deadline

_MAX_ATTEMPTS = 4  # addresses of one host that are tried in turn


def connect(
    url: SourceUrl, addresses: Iterable[Address], *, timeout_seconds: float, deadline: Deadline
) -> socket.socket:
    """Open a connection to the first of the addresses that answers; raise `FetchFailed`.

    The deadline watches the connection from the beginning.
    """
    failed: OSError | None = None
    for address in tuple(addresses)[:_MAX_ATTEMPTS]:
        try:
            return _connected(address, url.port, timeout_seconds=timeout_seconds, deadline=deadline)
        except OSError as exc:
            failed = exc
    deadline.check()
    timed_out = isinstance(failed, TimeoutError)
    code = ErrorCode.CONNECT_TIMEOUT if timed_out else ErrorCode.CONNECT_FAILED
    raise FetchFailed(code, f"{url.authority} does not accept a connection.") from failed


def _connected(
    address: Address, port: int, *, timeout_seconds: float, deadline: Deadline
) -> socket.socket:
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    try:
        connection.settimeout(deadline.remaining(timeout_seconds))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        deadline.watch(connection)
        connection.connect((str(address), port))
        deadline.check()  # shut before it began, it would look connected
    except BaseException:  # whatever it is, the socket must be closed here
        connection.close()
        raise
    return connection


class _PlainConnection(HTTPConnection):
    response_class = BoundedAnswer

    def __init__(self, *args: Any, connected: socket.socket, **options: Any) -> None:
        super().__init__(*args, **options)
        self._connected = connected

    def _new_conn(self) -> socket.socket:
        return self._connected


class _TlsConnection(_PlainConnection, HTTPSConnection):
    def connect(self) -> None:
        """Shake hands, in the time that a connection may take."""
        try:
            super().connect()
        except TimeoutError as exc:
            detail = f"{self.host} did not complete the secure connection in time."
            raise FetchFailed(ErrorCode.CONNECT_TIMEOUT, detail) from exc


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class PinnedAdapter(HTTPAdapter):
    """A requests adapter for one request to one URL over one connected socket."""

    def __init__(self, url: SourceUrl, connected: socket.socket, *, tls: ssl.SSLContext) -> None:
        super().__init__(max_retries=0)
        self._url = url
        self._pool: HTTPConnectionPool
        if url.scheme == "https":
            self._pool = _TlsPool(
                url.host,
                url.port,
                cert_reqs=ssl.CERT_REQUIRED,
                ssl_context=tls,
                connected=connected,
            )
        else:
            self._pool = _PlainPool(url.host, url.port, connected=connected)

    def ask(
        self,
        timeouts: tuple[float, float],
        *,
        method: str,
        headers: dict[str, str],
        body: bytes | None = None,
    ) -> requests.Response:
        """Ask once, read the head of the answer, follow nothing; its body stays unread.

        `timeouts` are the seconds for the handshake and for each read. A session is not used:
        it reads the whole body of a redirect even when told not to follow it, keeps cookies,
        and looks for proxies and passwords.
        """
        request = requests.PreparedRequest()
        request.method = method
        request.url = self._url.text
        request.headers = CaseInsensitiveDict({**headers, "Host": self._url.authority})
        if body is not None:
            request.headers["Content-Length"] = str(len(body))
        request.body = body
        return self.send(request, stream=True, timeout=timeouts)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """Return the pool of the one socket, whatever the request or a proxy setting names."""
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave it to the TLS context, which was loaded once and always verifies."""

    def request_url(self, *_: Any, **__: Any) -> str:
        """Return the target as it was parsed, without a second reading."""
        return self._url.target

    def close(self) -> None:
        """Close the pool and with it the connection."""
        self._pool.close()
        super().close()
