"""Treats hosts politely within one process, by the same rules, for as long as Redis is away.

While Redis answers it decides nothing but follows: what is under way when Redis goes, or when it
comes back with nothing, is counted all the same, and no pause that the process saw is forgotten.
Keeps no statistics: they are shown from Redis. What is known is lost with the process.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from infra.host_limits.policy import (
    LONGEST_QUEUE_SECONDS,
    MICROSECONDS,
    MOST_HOSTS,
    Admission,
    DenyReason,
    HostPolicy,
    HostSignal,
    HostSnapshot,
    Outcome,
)


@dataclass(slots=True)
class _Host:
    """Moments on the process's own clock; 0 means never.

    `untold` says that Redis was away when a pause began.
    """

    slots: dict[str, float] = field(default_factory=dict)
    full_at: float = 0
    silent_until: float = 0
    level: int = 0
    failures: int = 0
    open_until: float = 0
    opens: int = 0
    probe: str | None = None
    probe_until: float = 0
    turn: float = 0
    pace: float = 0
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
        with self._lock:
            host, now = self._host(name), self._clock()
            _end_leases(host, now)
            ready_at = max(host.open_until, host.probe_until if host.open_until > 0 else 0)
            if ready_at > now:
                return Admission(DenyReason.OPEN, ready_at - now, host.last_error)
            if host.silent_until > now:
                return Admission(DenyReason.SILENT, host.silent_until - now)
            if len(host.slots) >= self._policy.concurrency:
                return Admission(DenyReason.BUSY, max(0, host.turn - now))
            step = self._policy.step_microseconds / MICROSECONDS
            ahead = max(host.full_at, now) + step - now
            window = self._policy.window_microseconds / MICROSECONDS
            if ahead > window + 1e-6:
                return Admission(DenyReason.RATE, ahead - window)
            self._spend(host, now)
            until = now + self._policy.lease_seconds
            host.slots[token] = until
            if host.open_until > 0:
                host.probe, host.probe_until = token, until
            return Admission()

    def reserve(self, name: str, token: str) -> HostSnapshot:
        """Take a slot, if there is one, for a request that Redis decides about.

        Redis counts what this process has under way, unless it was lost in the meantime.
        """
        with self._lock:
            host, now = self._host(name), self._clock()
            _end_leases(host, now)
            full = len(host.slots) >= self._policy.concurrency
            if not full:
                host.slots[token] = now + self._policy.lease_seconds
            silent, opened = max(0, host.silent_until - now), max(0, host.open_until - now)
            return HostSnapshot(silent, opened, host.untold, full)

    def settle(self, name: str, token: str, admission: Admission) -> None:
        """Follow what Redis decided about a reserved slot: it knows of all pauses now.

        When it lets the request through, they are over, for instance because of a reset.
        """
        with self._lock:
            host, now = self._host(name), self._clock()
            host.untold = False
            if admission.hold is None:
                host.silent_until, host.open_until = 0, 0
                self._spend(host, now)
            else:
                host.slots.pop(token, None)

    def release(self, name: str, token: str) -> None:
        """Give a reserved slot back that Redis, which is away, did not decide about."""
        with self._lock:
            self._host(name).slots.pop(token, None)

    def leave(self, name: str, token: str, outcome: Outcome, *, told: bool = False) -> None:
        """Give the slot back, and note what came of the request; `told`: Redis knows it too."""
        with self._lock:
            host, now = self._host(name), self._clock()
            host.slots.pop(token, None)
            probing = host.probe == token
            if probing:
                host.probe, host.probe_until = None, 0
            self._judge(host, outcome, now=now, probing=probing)
            if outcome.signal is not HostSignal.NOTHING:
                mine = outcome.duration_seconds
                host.pace = host.pace * 0.8 + mine * 0.2 if host.pace else mine
            if outcome.is_error:
                host.last_error = outcome.code
            host.asked_at = now
            if not told and max(host.silent_until, host.open_until) > now:
                host.untold = True

    def turn(self, name: str) -> float:
        """Take a place in the host's queue; return the seconds until it may be its turn."""
        policy = self._policy
        with self._lock:
            host, now = self._host(name), self._clock()
            begin = max(now, host.silent_until)
            step = max(1 / policy.rate_per_second, (host.pace or 1) / policy.concurrency)
            host.turn = min(max(host.turn, begin) + step, begin + LONGEST_QUEUE_SECONDS)
            # Sums of large numbers are inexact: no place may lie behind the end of the queue.
            return min(host.turn - now, begin - now + LONGEST_QUEUE_SECONDS)

    def _host(self, name: str) -> _Host:
        if name not in self._hosts and len(self._hosts) >= MOST_HOSTS:
            idle = [known for known, host in self._hosts.items() if not host.slots]
            for known in sorted(idle, key=lambda known: self._hosts[known].asked_at):
                del self._hosts[known]
                break
        return self._hosts.setdefault(name, _Host())

    def _spend(self, host: _Host, now: float) -> None:
        step = self._policy.step_microseconds / MICROSECONDS
        host.full_at = max(host.full_at, now) + step

    def _judge(self, host: _Host, outcome: Outcome, *, now: float, probing: bool) -> None:
        if outcome.signal in (HostSignal.ALIVE, HostSignal.OVERLOADED):
            host.failures, host.open_until, host.opens = 0, 0, 0
        policy, pause = self._policy, 0.0
        if outcome.signal is HostSignal.ALIVE and host.silent_until <= now:
            host.level = 0
        elif outcome.signal is HostSignal.OVERLOADED:
            if outcome.retry_after_seconds is not None:
                pause = min(outcome.retry_after_seconds, policy.backoff_max_seconds)
            elif host.silent_until <= now:  # answers that were under way say nothing new
                host.level = min(host.level + 1, 40)
                doubled = policy.backoff_seconds * 2 ** (host.level - 1)
                pause = min(doubled, policy.backoff_max_seconds) * outcome.jitter
            host.silent_until = max(host.silent_until, now + pause)
        elif outcome.signal is HostSignal.UNREACHABLE:
            host.failures += 1
            many = probing or host.failures >= policy.breaker_failures
            if many and host.open_until <= now:
                host.opens = min(host.opens + 1, 40)
                doubled = policy.breaker_seconds * 2 ** (host.opens - 1)
                host.open_until = now + min(doubled, policy.breaker_max_seconds) * outcome.jitter


def _end_leases(host: _Host, now: float) -> None:
    host.slots = {token: until for token, until in host.slots.items() if until > now}
