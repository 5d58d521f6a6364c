"""What one process knows of hosts by itself: its requests under way, and the pauses it saw.

The rules stand in `lua.py`, and Redis decides. What is under way when Redis goes, or comes back
with nothing, is counted all the same, and no pause is forgotten. While Redis is away the process
keeps to the number of requests at the same time and to these pauses. What is known is lost with
the process.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from infra.host_limits.policy import (
    MOST_HOSTS,
    Admission,
    DenyReason,
    HostPolicy,
    HostSignal,
    HostSnapshot,
    Outcome,
)

_TURN_SECONDS = (1.0, 10.0)  # without the queue in Redis, jobs come back at different moments


@dataclass(slots=True)
class _Host:
    """Moments on the process's own clock; 0 means never.

    `untold` says that Redis was away when a pause began.
    """

    slots: dict[str, float] = field(default_factory=dict)
    silent_until: float = 0
    open_until: float = 0
    last_error: str = ""
    asked_at: float = 0
    untold: bool = False


class LocalHostLimits:
    """Safe to share between threads."""

    def __init__(self, policy: HostPolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._lock = Lock()
        self._hosts: dict[str, _Host] = {}

    def enter(self, name: str, token: str) -> Admission:
        """Take a slot of the host under a token of the caller's, or say why there is none."""
        known = self.reserve(name, token)
        if known.open_seconds > 0:
            denied = Admission(DenyReason.OPEN, known.open_seconds, known.last_error)
        elif known.silent_seconds > 0:
            denied = Admission(DenyReason.SILENT, known.silent_seconds)
        elif known.full:
            denied = Admission(DenyReason.BUSY)
        else:
            return Admission()
        self.release(name, token)
        return denied

    def reserve(self, name: str, token: str) -> HostSnapshot:
        """Take a slot, if there is one, for a request that Redis decides about.

        Redis counts what this process has under way, unless it was lost in the meantime.
        """
        with self._lock:
            host, now = self._host(name), self._clock()
            host.slots = {held: until for held, until in host.slots.items() if until > now}
            full = len(host.slots) >= self._policy.concurrency
            if not full:
                host.slots[token] = now + self._policy.lease_seconds
            return HostSnapshot(
                silent_seconds=max(0, host.silent_until - now),
                open_seconds=max(0, host.open_until - now),
                untold=host.untold,
                full=full,
                last_error=host.last_error,
            )

    def settle(self, name: str, token: str, admission: Admission) -> None:
        """Follow what Redis decided about a reserved slot: it knows of all pauses now.

        When it lets the request through, they are over, for instance because of a reset.
        """
        with self._lock:
            host, until = self._host(name), self._clock() + admission.wait_seconds
            host.untold = False
            if admission.hold is None:
                host.silent_until, host.open_until = 0, 0
                return
            host.slots.pop(token, None)
            if admission.hold is DenyReason.SILENT:
                host.silent_until = until
            elif admission.hold is DenyReason.OPEN:
                host.open_until, host.last_error = until, admission.last_error

    def release(self, name: str, token: str) -> None:
        """Give a reserved slot back."""
        with self._lock:
            self._host(name).slots.pop(token, None)

    def leave(
        self, name: str, token: str, outcome: Outcome, *, told: HostSnapshot | None = None
    ) -> None:
        """Give the slot back, and keep the pauses that Redis told after the request.

        Without Redis, a host that asked for a pause gets it.
        """
        with self._lock:
            host, now = self._host(name), self._clock()
            host.slots.pop(token, None)
            host.asked_at = now
            if outcome.is_error:
                host.last_error = outcome.code
            if told is not None:
                host.silent_until = max(host.silent_until, now + told.silent_seconds)
                host.open_until = max(host.open_until, now + told.open_seconds)
            elif outcome.signal is HostSignal.OVERLOADED:
                asked = outcome.retry_after_seconds
                pause = self._policy.backoff_seconds if asked is None else asked
                pause = min(pause, self._policy.backoff_max_seconds)
                host.silent_until = max(host.silent_until, now + pause)
                host.untold = True

    def turn(self, name: str) -> float:
        """Return the seconds until a job may ask for the host again."""
        with self._lock:
            silent = max(0, self._host(name).silent_until - self._clock())
        return silent + random.uniform(*_TURN_SECONDS)

    def _host(self, name: str) -> _Host:
        if name not in self._hosts and len(self._hosts) >= MOST_HOSTS:
            idle = [known for known, host in self._hosts.items() if not host.slots]
            if idle:
                del self._hosts[min(idle, key=lambda known: self._hosts[known].asked_at)]
        return self._hosts.setdefault(name, _Host())
