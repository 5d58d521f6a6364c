"""Redis or Valkey; the only module that imports redis. May be lost at any time."""

from types import TracebackType
from typing import Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from infra.errors import ErrorCode, ServiceUnavailable
from infra.settings import CacheSettings


class Cache:
    """Owns the connection pool. Safe to share between threads."""

    def __init__(self, settings: CacheSettings) -> None:
        self._redis = Redis.from_url(
            settings.url,
            socket_connect_timeout=settings.timeout_seconds,
            socket_timeout=settings.timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all pooled connections."""
        self._redis.close()

    def probe(self) -> None:
        """Raise `ServiceUnavailable` unless the cache answers."""
        try:
            self._redis.ping()
        except (RedisError, OSError) as exc:
            raise ServiceUnavailable(
                ErrorCode.CACHE_UNAVAILABLE, "The cache does not answer."
            ) from exc
