"""What is known of hosts in Redis, each new for its test."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from infra.cache import Cache
from infra.host_limits.policy import HostPolicy
from infra.host_limits.redis_limits import RedisHostLimits
from infra.settings.sections import CacheSettings, FetchSettings
from infra.stack.stack import Stack

Make = Callable[[HostPolicy], RedisHostLimits]


def policy(**changes: object) -> HostPolicy:
    """Return limits that only a test of theirs reaches."""
    limits: dict[str, object] = {
        "host_concurrency": 1000,
        "host_rate_per_second": 100_000,
        "host_backoff_seconds": 60,
        "host_breaker_failures": 3,
        "host_breaker_seconds": 60,
    }
    return HostPolicy.of(FetchSettings.model_validate(limits | changes))


@pytest.fixture
def cache(stack: Stack) -> Iterator[Cache]:
    """The stack's Redis."""
    with Cache(CacheSettings(url=stack.description.redis_url)) as opened:
        yield opened


@pytest.fixture
def make(cache: Cache) -> Make:
    """Return what makes the limits in Redis under a given policy."""
    return lambda wanted: RedisHostLimits(cache, wanted)


@pytest.fixture
def host() -> str:
    """A host that no other test asks."""
    return f"{uuid4().hex}.example:443"
