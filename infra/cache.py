"""Redis or Valkey; the only module that imports redis. May be lost at any time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, Self, TypeVar

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.rate_limit import SCRIPT, Allowance, Bucket
from infra.settings.sections import CacheSettings

T = TypeVar("T")
log = structlog.get_logger(__name__)

Script = Callable[[Sequence[str], Sequence[str | int | float]], Any]
"""Runs inside Redis with keys and arguments; raises `ServiceUnavailable`. Texts come as bytes."""


class Cache:
    """Owns the connection pool. Safe to share between threads."""

    def __init__(self, settings: CacheSettings) -> None:
        self._redis = Redis.from_url(
            settings.url,
            socket_connect_timeout=settings.timeout_seconds,
            socket_timeout=settings.timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        self._take = self._redis.register_script(SCRIPT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all pooled connections."""
        self._redis.close()

    def probe(self) -> None:
        """Raise `ServiceUnavailable` unless the cache answers."""
        with _translated():
            self._redis.ping()

    def get(self, key: str) -> bytes | None:
        """Return what is kept under the key; raises `ServiceUnavailable`, as `put` and `add` do."""
        with _translated():
            value = self._redis.get(key)
        return value.encode() if isinstance(value, str) else value

    def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep a value for so long."""
        with _translated():
            self._redis.set(key, value, px=_milliseconds(seconds))

    def add(self, key: str, value: bytes, seconds: float) -> bool:
        """Keep a value unless the key has one; return whether it was kept."""
        with _translated():
            return bool(self._redis.set(key, value, px=_milliseconds(seconds), nx=True))

    def take(self, key: str, bucket: Bucket) -> Allowance:
        """Take one request out of the bucket under a key, shared by all processes.

        Raises `ServiceUnavailable`.
        """
        sizes = (bucket.window_microseconds, bucket.step_microseconds)
        with _translated():
            allowed, full_in = self._take(keys=[key], args=sizes)
        return bucket.allowance(allowed=allowed == 1, full_in_microseconds=int(full_in))

    def script(self, text: str) -> Script:
        """Return a script in Lua, to be run as one step that nothing else comes between."""
        registered = self._redis.register_script(text)

        def run(keys: Sequence[str], arguments: Sequence[str | int | float]) -> Any:
            with _translated():
                return registered(keys=list(keys), args=list(arguments))

        return run


class OptionalUse:
    """A use of the cache that can be done without. Safe to share between threads.

    After a failure the cache is left alone for `pause_seconds`, so that no caller waits for it in
    vain again and again; `consequence` is what the log then says.
    """

    def __init__(self, pause_seconds: float, consequence: str) -> None:
        self._pause_seconds = pause_seconds
        self._consequence = consequence
        self._away_until = float("-inf")

    def attempt(self, work: Callable[[], T], *, otherwise: T) -> T:
        """Do something with the cache; return `otherwise` while it is away."""
        if monotonic() < self._away_until:
            return otherwise
        try:
            return work()
        except ServiceUnavailable as exc:
            self._away_until = monotonic() + self._pause_seconds
            log.warning(self._consequence, code=exc.code)
            return otherwise


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as exc:
        raise ServiceUnavailable(ErrorCode.CACHE_UNAVAILABLE, "The cache does not answer.") from exc
