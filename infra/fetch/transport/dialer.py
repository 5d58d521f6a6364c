"""Talks to a stranger's server at a checked address, and to no other.

The name is resolved once, all its addresses are checked, and the connection goes to one of them.
It must not know what is asked or what the answer is for.
"""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Final

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from infra.contract.errors import ErrorCode
from infra.fetch.errors import translated
from infra.fetch.safety.allow_list import AllowList
from infra.fetch.safety.resolver import Resolver
from infra.fetch.safety.source_url import SourceUrl
from infra.fetch.transport.deadline import Deadline
from infra.fetch.transport.pinned import PinnedAdapter, connect
from infra.settings.sections import FetchSettings

HEADERS: Final = {
    "User-Agent": f"product-images/{version('product-images')}",
    "Accept-Encoding": "identity",
    "Connection": "close",
}
"""What every request says."""

Ask = Callable[[PinnedAdapter, tuple[float, float]], requests.Response]
"""Sends a request through an adapter, with time-outs for connecting and reading."""


class Dialer:
    """May be used from many threads."""

    def __init__(
        self,
        settings: FetchSettings,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = AllowList.parse(settings.allowed_private_hosts)
        self._timeouts = (settings.connect_timeout_seconds, settings.read_timeout_seconds)
        self._resolver = resolver or Resolver()
        # Loading the authorities takes tens of milliseconds: once, not per request.
        self._tls = tls or ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)

    @contextlib.contextmanager
    def answer(self, url: SourceUrl, deadline: Deadline, ask: Ask) -> Iterator[requests.Response]:
        """Yield what the server answers; the connection closes with the block.

        Raises `FetchRefused` or `FetchFailed`.
        """
        connect_seconds = self._timeouts[0]
        addresses = self._resolver.resolve(
            url.host, timeout_seconds=deadline.remaining(connect_seconds), over=deadline.over
        )
        self._allowed.check(url, addresses)
        connected = connect(url, addresses, timeout_seconds=connect_seconds, deadline=deadline)
        with contextlib.closing(connected), contextlib.ExitStack() as opened:
            adapter = opened.enter_context(
                contextlib.closing(PinnedAdapter(url, connected, tls=self._tls))
            )
            with translated(url.host, ErrorCode.PROTOCOL_ERROR):
                response = ask(adapter, self._timeouts)
            opened.callback(response.close)
            yield response
