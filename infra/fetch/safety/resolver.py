"""Finds the addresses of a host within a time that the caller sets.

The system's look-up cannot be interrupted, so each runs in a thread of its own that nobody has
to wait for; all callers of one host share one look-up, and their number is bounded. Whether an
address may be used is not decided here.
"""

import socket
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from ipaddress import ip_address
from typing import Any

from infra.contract.errors import ErrorCode, FetchFailed
from infra.fetch.safety.host import Address, literal_address

Lookup = Callable[[str], Iterable[Address]]
"""Returns the addresses of a name, best first; raises OSError when there are none."""

_MAX_LOOKUPS = 128  # one at a time per host; more at once means that name service is down


def system_lookup(host: str) -> list[Address]:
    """Ask the system, which knows /etc/hosts and the configured name servers."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ip_address(entry[4][0]) for entry in found]


class Resolver:
    """Bounded look-ups; may be called from many threads."""

    def __init__(self, lookup: Lookup = system_lookup, *, max_lookups: int = _MAX_LOOKUPS) -> None:
        self._lookup = lookup
        self._max_lookups = max_lookups
        self._lock = threading.Lock()
        self._pending: dict[str, Future[tuple[Address, ...]]] = {}

    def resolve(
        self, host: str, *, timeout_seconds: float, over: Future[None] | None = None
    ) -> tuple[Address, ...]:
        """Return every address of a normalised host, best first, each once.

        The waiting ends early when `over` is done, as if the time had passed.
        Raises `FetchFailed` with the code `dns_failure`: a name that does not exist cannot be
        told from one that cannot be asked for now.
        """
        literal = literal_address(host)
        if literal is not None:
            return (literal,)
        with self._lock:
            answer = self._pending.get(host)
            if answer is None:
                if len(self._pending) >= self._max_lookups:
                    raise _failure("Too many names are being resolved at the moment.")
                answer = Future()
                threading.Thread(
                    target=self._ask, args=(host, answer), name=f"resolve {host}", daemon=True
                ).start()
                self._pending[host] = answer
        awaited: list[Future[Any]] = [answer] if over is None else [answer, over]
        wait(awaited, timeout_seconds, FIRST_COMPLETED)
        try:
            addresses = answer.result(0)
        except TimeoutError as exc:
            raise _failure(f"The name {host} was not resolved in time.") from exc
        except (OSError, UnicodeError) as exc:
            raise _failure(f"The name {host} cannot be resolved.") from exc
        if not addresses:
            raise _failure(f"The name {host} has no address.")
        return addresses

    def _ask(self, host: str, answer: Future[tuple[Address, ...]]) -> None:
        try:
            found = tuple(dict.fromkeys(self._lookup(host)))
        except Exception as exc:  # noqa: BLE001 - the waiter gets it
            self._forget(host)
            answer.set_exception(exc)
        else:
            self._forget(host)
            answer.set_result(found)

    def _forget(self, host: str) -> None:
        """Called before the answer is given: a caller that has it and asks again gets a new one."""
        with self._lock:
            del self._pending[host]


def _failure(detail: str) -> FetchFailed:
    return FetchFailed(ErrorCode.DNS_FAILURE, detail)
