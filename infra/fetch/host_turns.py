"""Brings politeness into a fetch: asks before each hop, and notes afterwards how its host behaved.

It decides what an outcome says about a host; what follows from it is decided elsewhere.
"""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import wait
from http import HTTPStatus

from infra.contract.errors import ErrorCode, HostBusy, ProductImagesError, Stopped
from infra.fetch.response_headers import REDIRECTS
from infra.fetch.safety.source_url import SourceUrl
from infra.fetch.transport.deadline import Deadline
from infra.host_limits.limiter import HostLimiter, HostSlot
from infra.host_limits.policy import HostSignal

_LOOK_SECONDS = 0.05
_OVERLOADED = frozenset(
    f"http_{status.value}"
    for status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
)
_UNREACHABLE = frozenset(
    {
        ErrorCode.DNS_FAILURE,
        ErrorCode.CONNECT_FAILED,
        ErrorCode.CONNECT_TIMEOUT,
        ErrorCode.READ_TIMEOUT,
        ErrorCode.TOTAL_TIMEOUT,
    }
)
_NOT_ASKED = frozenset({ErrorCode.BLOCKED_ADDRESS, ErrorCode.BAD_URL})


class HostTurns:
    """May be used from many threads. Without hosts, nothing is limited and nothing noted."""

    def __init__(self, hosts: HostLimiter | None) -> None:
        self._hosts = hosts

    @contextlib.contextmanager
    def slot(
        self, url: SourceUrl, deadline: Deadline, *, patience_seconds: float
    ) -> Iterator[HostSlot]:
        """Hold a slot of the URL's host during the block; note the error that leaves it.

        Raises `HostBusy` when there is no slot within the patience, `FetchFailed` with the code
        `host_unavailable`.
        """
        with contextlib.ExitStack() as opened:
            slot = self._entered(opened, url, deadline, patience_seconds=patience_seconds)
            with _noted(slot):
                try:
                    yield slot
                except ProductImagesError:
                    deadline.check()  # when it had to end, that is the cause
                    raise

    def turn(self, host: str) -> float:
        """Take a place in the queue of a host; return the seconds until it may be its turn."""
        return 0.0 if self._hosts is None else self._hosts.turn(host)

    def _entered(
        self,
        opened: contextlib.ExitStack,
        url: SourceUrl,
        deadline: Deadline,
        *,
        patience_seconds: float,
    ) -> HostSlot:
        if self._hosts is None:
            return HostSlot()
        end = time.monotonic() + patience_seconds
        while True:
            try:
                return opened.enter_context(self._hosts.slot(host_of(url)))
            except HostBusy as exc:
                pause = max(exc.retry_after_seconds or 0, _LOOK_SECONDS)
                if time.monotonic() + pause > end:
                    raise
            wait([deadline.over], pause)
            deadline.check()


def host_of(url: SourceUrl) -> str:
    """Return what counts as one host: its name and port."""
    name = f"[{url.host}]" if ":" in url.host else url.host
    return f"{name}:{url.port}"


def note_answer(slot: HostSlot, status: int) -> None:
    """Note that the host answered; an error that follows says more."""
    slot.signal, slot.code = HostSignal.ALIVE, "ok"
    if status in REDIRECTS:
        slot.code = "redirect"
    elif status == HTTPStatus.NOT_MODIFIED:
        slot.code = "not_modified"


@contextlib.contextmanager
def _noted(slot: HostSlot) -> Iterator[None]:
    try:
        yield
    except ProductImagesError as exc:
        _note(slot, exc)
        raise


def _note(slot: HostSlot, error: ProductImagesError) -> None:
    slot.code, slot.signal = error.code, HostSignal.ALIVE
    if isinstance(error, Stopped):
        slot.code, slot.signal = "broken_off", HostSignal.NOTHING
    elif error.code in _NOT_ASKED:
        slot.signal = HostSignal.NOTHING
    elif error.code in _UNREACHABLE:
        slot.signal = HostSignal.UNREACHABLE
    elif error.code in _OVERLOADED:
        slot.signal = HostSignal.OVERLOADED
        slot.retry_after_seconds = getattr(error, "retry_after_seconds", None)
