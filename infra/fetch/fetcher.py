"""Fetches one image from a stranger's URL into a file, or says why not.

Every hop is parsed, resolved, checked and connected by us, and the connection goes to the address
that was checked. It must not know jobs or images, and it does not retry: its errors say whether
another try makes sense.
"""

import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Self

import requests

from infra.contract.errors import ErrorCode, FetchRefused, HostBusy, ProductImagesError, Stopped
from infra.fetch.body import Pace, decoded, save, sent, too_many_bytes
from infra.fetch.errors import status_error, translated
from infra.fetch.response_headers import (
    MAX_URL_CHARACTERS,
    REDIRECTS,
    declared_bytes,
    fact,
    media_type,
    next_hop,
)
from infra.fetch.safety.host_lists import HostLists
from infra.fetch.safety.resolver import Resolver
from infra.fetch.safety.source_url import SourceUrl, parse_source_url
from infra.fetch.transport.deadline import Deadline
from infra.fetch.transport.dialer import HEADERS, Dialer
from infra.fetch.transport.pinned import PinnedAdapter
from infra.fetch.transport.stop import Stop
from infra.fetch.validators import Validators, validators_of
from infra.host_limits.limiter import HostLimiter, HostSlot
from infra.host_limits.policy import HostSignal
from infra.settings.sections import FetchSettings

# 203: a proxy between changed something about it; it is the image all the same.
_PICTURE_STATUSES = (HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION)
_WANTED = {"Accept": "image/*,*/*;q=0.5"}
_HOP_PATIENCE_SECONDS = 1.0  # for a slot at a redirect's target: giving up asks the first again
_LOOK_SECONDS = 0.05
# What an error says of its host; any other says that the host lives.
_SIGNALS: dict[str, HostSignal] = {
    **dict.fromkeys((ErrorCode.BLOCKED_ADDRESS, ErrorCode.BAD_URL), HostSignal.NOTHING),
    **dict.fromkeys(
        (
            *(ErrorCode.DNS_FAILURE, ErrorCode.CONNECT_FAILED, ErrorCode.CONNECT_TIMEOUT),
            *(ErrorCode.READ_TIMEOUT, ErrorCode.TOTAL_TIMEOUT),
        ),
        HostSignal.UNREACHABLE,
    ),
    **dict.fromkeys(("http_429", "http_503"), HostSignal.OVERLOADED),
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What arrived, beside the file itself.

    `media_type`, `etag` and `last_modified` are the server's words, None when it said nothing
    usable; `bytes` and `sha256` are those of the file. `validators` are what a later request can
    ask for changes with.
    """

    final_url: str
    status: int
    media_type: str | None
    bytes: int
    sha256: str
    etag: str | None
    last_modified: str | None
    validators: Validators | None = None


class _NotModified(Exception):
    """The server has nothing newer than what was known."""


class Fetcher:
    """Fetches; may be called from many threads. Leaving its block ends what is under way."""

    def __init__(
        self,
        settings: FetchSettings,
        *,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        hosts: HostLimiter | None = None,
    ) -> None:
        self._settings = settings
        self._lists = HostLists.parse(settings.allowed_hosts, settings.denied_hosts)
        self._hosts = hosts
        self._dialer = Dialer(settings, resolver=resolver, tls=tls)
        self._lock = threading.Lock()
        self._running: set[Deadline] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            running = tuple(self._running)
        for deadline in running:
            deadline.stop()

    def fetch(self, url: str, target: Path, *, stop: Stop | None = None) -> Fetched:
        """Write the image behind the URL to the target, which is overwritten.

        Raises `FetchRefused` when another try would give the same, else `FetchFailed`, which is
        `HostBusy` when the host was not asked because it has enough to do; `Stopped` `stop`
        was asked for or the fetcher's block was left. The target does not exist then.
        """
        return self._fetch(url, target, known=None, stop=stop)

    def refetch(
        self, url: str, target: Path, *, known: Validators, stop: Stop | None = None
    ) -> Fetched | None:
        """Fetch what is newer than what is known; None, and no target, when nothing is.

        Only the URL that gave the validators is asked with them. Raises as `fetch` does.
        """
        try:
            return self._fetch(url, target, known=known, stop=stop)
        except _NotModified:
            return None

    def turn(self, host: str) -> float:
        """Take a place in the queue of a busy host; return the seconds until its turn."""
        return 0.0 if self._hosts is None else self._hosts.turn(host)

    def _fetch(
        self, url: str, target: Path, *, known: Validators | None, stop: Stop | None
    ) -> Fetched:
        deadline = Deadline(self._settings.total_timeout_seconds)
        with deadline, (stop or Stop()).calling(deadline.stop):
            with self._lock:
                self._running.add(deadline)
            try:
                fetched = self._follow(url, target, known=known, deadline=deadline)
                deadline.check()  # a body that was cut off then may look like a whole one
            except BaseException as exc:  # whatever it is, half a file is of no use
                target.unlink(missing_ok=True)
                if isinstance(exc, ProductImagesError):
                    deadline.check()  # when it had to end, that is the cause
                raise
            finally:
                with self._lock:
                    self._running.discard(deadline)
            return fetched

    def _follow(
        self, url: str, target: Path, *, known: Validators | None, deadline: Deadline
    ) -> Fetched:
        source = parse_source_url(url, max_characters=MAX_URL_CHARACTERS)
        for hop in range(self._settings.max_redirects + 1):
            conditions = {} if known is None else known.conditions(source.text)
            self._lists.check(source)
            headers = {**HEADERS, **_WANTED, **conditions}
            patience = _HOP_PATIENCE_SECONDS if hop else 0.0
            ask = partial(PinnedAdapter.ask, method="GET", headers=headers)
            with (
                self._slot(source, deadline, patience_seconds=patience) as slot,
                self._dialer.answer(source, deadline, ask) as response,
            ):
                slot.signal, slot.code = HostSignal.ALIVE, "ok"  # an error that follows says more
                if response.status_code in REDIRECTS:
                    slot.code = "redirect"
                elif response.status_code == HTTPStatus.NOT_MODIFIED:
                    slot.code = "not_modified"
                if known and conditions and response.status_code == HTTPStatus.NOT_MODIFIED:
                    if known.agrees(response.headers):
                        raise _NotModified
                    known = None  # it means another version: ask for the whole
                    continue
                location = response.headers.get("Location")
                if response.status_code not in REDIRECTS or not location:
                    return self._received(source, response, target=target, slot=slot)
                source = next_hop(source, location)  # its body is left unread
        limit = self._settings.max_redirects
        detail = f"The server redirects more than {limit} times."
        raise FetchRefused(ErrorCode.TOO_MANY_REDIRECTS, detail)

    @contextmanager
    def _slot(
        self, url: SourceUrl, deadline: Deadline, *, patience_seconds: float
    ) -> Iterator[HostSlot]:
        """Hold a slot of the URL's host during the block; note the error that leaves it.

        Without hosts, nothing is limited. Raises `HostBusy` when there is no slot within the
        patience, `FetchFailed` with the code `host_unavailable`.
        """
        with ExitStack() as opened:
            slot, hosts = HostSlot(), self._hosts
            end = time.monotonic() + patience_seconds
            name = f"[{url.host}]" if ":" in url.host else url.host
            while hosts is not None:
                try:
                    slot = opened.enter_context(hosts.slot(f"{name}:{url.port}"))
                    break
                except HostBusy as exc:
                    pause = max(exc.retry_after_seconds or 0, _LOOK_SECONDS)
                    if time.monotonic() + pause > end:
                        raise
                    wait([deadline.over], pause)
                    deadline.check()
            try:
                try:
                    yield slot
                except ProductImagesError:
                    deadline.check()  # when it had to end, that is the cause
                    raise
            except ProductImagesError as exc:
                slot.code, slot.signal = exc.code, _SIGNALS.get(exc.code, HostSignal.ALIVE)
                if isinstance(exc, Stopped):
                    slot.code, slot.signal = "broken_off", HostSignal.NOTHING
                elif slot.signal is HostSignal.OVERLOADED:
                    slot.retry_after_seconds = getattr(exc, "retry_after_seconds", None)
                raise

    def _received(
        self, source: SourceUrl, response: requests.Response, *, target: Path, slot: HostSlot
    ) -> Fetched:
        if response.status_code not in _PICTURE_STATUSES:
            raise status_error(response.status_code, response.headers)
        limit = self._settings.max_bytes
        if declared_bytes(response.headers) > limit:
            raise too_many_bytes(limit)
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        with translated(source.host, ErrorCode.INCOMPLETE_BODY):
            pace = Pace(self._settings.min_bytes_per_second)

            def read(size: int) -> bytes:
                part = bytes(response.raw.read1(size, decode_content=False))  # what is there
                slot.bytes += len(part)
                pace.note(len(part))
                return part

            arriving = sent(read, max_bytes=limit)
            saved = save(decoded(arriving, encoding, max_bytes=limit), target)
        return Fetched(
            final_url=source.text,
            status=response.status_code,
            media_type=media_type(response.headers),
            bytes=saved.bytes,
            sha256=saved.sha256,
            etag=fact(response.headers, "ETag"),
            last_modified=fact(response.headers, "Last-Modified"),
            validators=validators_of(source.text, response.headers),
        )
