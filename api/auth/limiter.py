"""Counts requests against the rate limit: in Redis, or in this process while Redis is away.

In the process the limit holds per process, so several API processes together allow more.
"""

import time
from threading import Lock

import structlog

from infra.cache import Cache
from infra.contract.errors import ServiceUnavailable
from infra.rate_limit import Allowance, Bucket

log = structlog.get_logger(__name__)

WINDOW_SECONDS = 60
_PAUSE_SECONDS = 5  # how long Redis is left alone after it did not answer
_MOST = 10_000  # callers that are counted in the process at the same time


class Limiter:
    """One bucket per caller. Safe to share between threads."""

    def __init__(self, per_minute: int) -> None:
        self.bucket = Bucket(per_minute, WINDOW_SECONDS)
        self._full_at: dict[str, int] = {}
        self._lock = Lock()
        self._redis_from = 0.0

    def take(self, cache: Cache, caller: str) -> Allowance:
        """Count one request of a caller; never fails."""
        if time.monotonic() >= self._redis_from:
            try:
                return cache.take(f"rate:{caller}", self.bucket)
            except ServiceUnavailable:
                self._redis_from = time.monotonic() + _PAUSE_SECONDS
                log.warning("rate limit is counted in this process", reason="Redis is away")
        return self.take_here(caller)

    def look(self, caller: str) -> Allowance:
        """Return whether a request of a caller would be allowed here, counting none."""
        now = time.monotonic_ns() // 1000
        allowed, full_at = self.bucket.take(self._full_at.get(caller, now), now)
        return self.bucket.allowance(allowed=allowed, full_in_microseconds=full_at - now)

    def take_here(self, caller: str) -> Allowance:
        """Count one request of a caller in this process alone."""
        now = time.monotonic_ns() // 1000
        with self._lock:
            if len(self._full_at) >= _MOST:
                self._full_at = {name: at for name, at in self._full_at.items() if at > now}
            if len(self._full_at) >= _MOST:  # all of them count still: memory comes first
                self._full_at = {}
            allowed, full_at = self.bucket.take(self._full_at.get(caller, now), now)
            self._full_at[caller] = full_at
        return self.bucket.allowance(allowed=allowed, full_in_microseconds=full_at - now)


def limit_fields(bucket: Bucket, allowance: Allowance) -> dict[str, str]:
    """Return the header fields of draft-ietf-httpapi-ratelimit-headers-10.

    `q` requests in `w` seconds; `r` are left, and the quota is whole again in `t` seconds.
    """
    fields = {
        "RateLimit-Policy": f'"default";q={bucket.size};w={bucket.window_seconds}',
        "RateLimit": f'"default";r={allowance.remaining};t={_ceiling(allowance.full_in_seconds)}',
    }
    if not allowance.allowed:
        fields["Retry-After"] = str(max(1, _ceiling(allowance.retry_in_seconds)))
    return fields


def _ceiling(seconds: float) -> int:
    return -int(-seconds // 1)
