"""One connection of the HTTP server, with a bound on everything that a caller may make it keep.

uvicorn bounds neither the bytes of a head nor the time that a request takes to arrive, and all of
that happens before a key is checked. Here are: bytes of the head and of trailers, the
time until a head is complete, the pace of a body, the time that an answer may wait for its
reader, and the number of connections, in all and from one address. Knows nothing of what is
asked for.
"""

import asyncio
import json
from asyncio.events import TimerHandle
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from api.auth.caller import place_of, plain_address
from api.problems import MEDIA_TYPE, problem_body
from infra.contract.errors import ErrorCode
from infra.settings.sections import ApiSettings

# For the rest of a body that is answered already: closing would cut the answer.
_LINGER_SECONDS = 30.0
_HEADER_OVERHEAD_BYTES = 4  # colon, blank and the end of the line


class ServerConfig(uvicorn.Config):
    """What uvicorn has to know, and the limits for each connection."""

    def __init__(self, app: FastAPI, settings: ApiSettings, **options: Any) -> None:
        super().__init__(app, http=BoundedConnection, **options)
        self.limits = settings
        self._proxies = tuple(map(ip_network, settings.trusted_proxies))

    def place_of(self, address: str) -> str | None:
        """Return what the connections of an address are counted by.

        None for a trusted proxy: it brings the connections of many callers, and none of its own.
        """
        parsed = plain_address(address)
        if parsed is not None and any(parsed in network for network in self._proxies):
            return None
        return place_of(address)


class _HeadersTooLarge(Exception):
    """The parser turns it into an error of its own."""


class BoundedConnection(HttpToolsProtocol):
    """Refuses what is too long or too slow with a problem where an answer is possible, and closes.

    At any time a request is awaited, its head arrives, its body arrives, or it is complete.
    """

    def __init__(
        self,
        config: ServerConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = config.limits
        self._place_of = config.place_of
        self.place: str | None = None  # None: is not counted
        self._parsed = 0  # things that the parser has told of
        self._silent_bytes = 0  # received since then: part of one line that has no end yet
        self._header_bytes = 0
        self._too_large = False
        self._in_body = False
        self._body_bytes = 0  # since the pace was looked at
        self._held_back = False  # since then, we did not take what the caller may have sent
        self._arrival: TimerHandle | None = None  # until a head is here, or the pace is looked at
        self._writing: TimerHandle | None = None
        self._end: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if self.client is not None:
            self.place = self._place_of(self.client[0])
        here = sum(getattr(each, "place", None) == self.place for each in self.connections)
        most, most_here = self._limits.max_connections, self._limits.max_connections_per_address
        if len(self.connections) > most:
            told = f"{most} connections are open already. Close some, or come back later."
            problem = problem_body(503, ErrorCode.TOO_MANY_CONNECTIONS, told)
        elif self.place is not None and here > most_here:
            told = f"{most_here} connections from your address are open already. Close some."
            problem = problem_body(429, ErrorCode.TOO_MANY_CONNECTIONS, told)
        else:
            self._await_head()
            return
        self._refuse(problem, retry_after_seconds=5)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection with all that was to happen to it."""
        self._disarm()
        for timer in (self._writing, self._end):
            if timer is not None:
                timer.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        if self.transport.is_closing():
            return
        before = self._parsed
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._parsed != before:
            self._silent_bytes = 0
            return
        self._silent_bytes += len(data)
        if self._silent_bytes > self._limits.max_header_bytes:
            self._too_large = True
            self.send_400_response("")
        elif self._arrival is None:  # empty lines between requests: a head has to follow
            self._await_head()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._parsed += 1
        self._header_bytes = 0
        if self._arrival is None:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """Take a part of the request's target."""
        self._parsed += 1
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, or a trailer behind a body."""
        self._parsed += 1
        self._count(len(name) + len(value) + _HEADER_OVERHEAD_BYTES)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, and watch its body arrive."""
        super().on_headers_complete()
        self._parsed += 1
        self._in_body, self._body_bytes = True, 0
        self._held_back = self.flow.read_paused
        self._watch_body()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._parsed += 1
        self._body_bytes += len(body)
        super().on_body(body)
        self._held_back = self._held_back or self.flow.read_paused

    def on_message_complete(self) -> None:
        """End the request; a connection that was answered before waits for the next one."""
        self._parsed += 1
        self._in_body = False
        self._disarm()
        if self._end is not None:
            self._end.cancel()
            self._end = None
        super().on_message_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """Wait for the next request; what is left of this one's body may come for a while."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_later()
        elif self._in_body and self._end is None:
            self._end = self.loop.call_later(_LINGER_SECONDS, self._close)

    def pause_writing(self) -> None:
        """Give the reader of an answer a while to take what is there."""
        super().pause_writing()
        self._writing = self.loop.call_later(
            self._limits.write_timeout_seconds, self.transport.abort
        )

    def resume_writing(self) -> None:
        """Go on: the reader took it."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection on which nothing happens."""
        self._close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Answer what cannot be parsed, or has a head that is too long."""
        if self._too_large:
            most = self._limits.max_header_bytes
            told = f"The request line and the header fields have more than {most} bytes together."
            self._refuse(problem_body(431, ErrorCode.HEADERS_TOO_LARGE, told))
        else:
            told = "This is not a valid HTTP/1.1 request."
            self._refuse(problem_body(400, ErrorCode.INVALID_REQUEST, told))

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > self._limits.max_header_bytes:
            self._too_large = True
            raise _HeadersTooLarge

    def _await_head(self) -> None:
        self._arm(self._limits.header_timeout_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._arrival = None
        if not (self._silent_bytes or self._parsed):
            self._close()  # a connection on which nothing was asked
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._await_head()  # the request before it is not answered yet, and comes first
            return
        seconds = self._limits.header_timeout_seconds
        told = f"The header fields did not arrive within {seconds:g} s."
        self._refuse(problem_body(408, ErrorCode.REQUEST_TIMEOUT, told))

    def _watch_body(self) -> None:
        self._arm(self._limits.body_window_seconds, self._look_at_pace)

    def _look_at_pace(self) -> None:
        self._arrival = None
        rate, seconds = self._limits.body_min_bytes_per_second, self._limits.body_window_seconds
        excused = self._held_back or self.cycle.waiting_for_100_continue
        if not excused and self._body_bytes < rate * seconds:
            told = f"The body arrives too slowly: less than {rate} bytes per second."
            self._refuse(problem_body(408, ErrorCode.REQUEST_TIMEOUT, told))
            return
        self._body_bytes, self._held_back = 0, self.flow.read_paused
        self._watch_body()

    def _arm(self, seconds: float, act: Callable[[], None]) -> None:
        self._disarm()
        self._arrival = self.loop.call_later(seconds, act)

    def _disarm(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _refuse(self, problem: dict[str, Any], *, retry_after_seconds: int | None = None) -> None:
        """Answer unless an answer has begun, and close."""
        self._disarm()
        if self.transport.is_closing():
            return
        cycle = self.cycle
        has_begun = cycle is not None and cycle.response_started
        if has_begun and cycle.response_complete and not self._in_body:
            has_begun = False  # the request that arrives is another than the one answered last
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if not has_begun:
            body = json.dumps(problem, separators=(",", ":")).encode()
            head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            head += "connection: close\r\n"
            if retry_after_seconds is not None:
                head += f"retry-after: {retry_after_seconds}\r\n"
            answer = STATUS_LINE[problem["status"]] + head.encode() + b"\r\n" + body
            self.transport.write(answer)
        self._close()

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
            self._abort_later()

    def _abort_later(self) -> None:
        """Closing waits until all is sent, which a caller who reads nothing never allows."""
        if self._end is not None:
            self._end.cancel()
        self._end = self.loop.call_later(self._limits.write_timeout_seconds, self.transport.abort)
