"""Both forms of what is known of hosts, each new for its test."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from infra.cache import Cache
from infra.host_limits.limiter import HostRules
from infra.host_limits.local_limits import LocalHostLimits
from infra.host_limits.policy import HostPolicy
from infra.host_limits.redis_limits import RedisHostLimits
from infra.settings.sections import CacheSettings, FetchSettings

Make = Callable[..., HostRules]


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
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    """The stack's Redis."""
    stack = request.getfixturevalue("stack")
    with Cache(CacheSettings(url=stack.description.redis_url)) as opened:
        yield opened


@pytest.fixture(params=["redis", "process"])
def make(request: pytest.FixtureRequest) -> Make:
    """Return what makes one of the two forms under given terms."""
    if request.param == "process":
        return LocalHostLimits
    opened = request.getfixturevalue("cache")
    return lambda wanted: RedisHostLimits(opened, wanted)


@pytest.fixture
def host() -> str:
    """A host that no other test asks."""
    return f"{uuid4().hex}.example:443"
