"""Redis goes, or comes back empty: a process still keeps to what it promised the hosts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from infra.cache import Cache, Script
from infra.contract.errors import ErrorCode, FetchFailed, HostBusy, ServiceUnavailable
from infra.host_limits import limiter as hosts_module
from infra.host_limits.limiter import HostLimiter
from infra.host_limits.policy import HostSignal
from infra.host_limits.redis_limits import RedisHostLimits
from infra.settings.sections import CacheSettings
from infra.stack.stack import Stack
from tests.contract.host_limits.conftest import policy

TWO = policy(host_concurrency=2, host_breaker_failures=1)


class LosableCache(Cache):
    """A real one in a database of its own, whose connection a test can cut and whose keys lose."""

    away = False

    def script(self, text: str) -> Script:
        run = super().script(text)

        def unless_away(keys: Sequence[str], arguments: Sequence[str | int | float]) -> Any:
            if self.away:
                raise ServiceUnavailable(ErrorCode.CACHE_UNAVAILABLE, "The cache is away.")
            return run(keys, arguments)

        return unless_away

    def lose(self) -> None:
        """Forget everything, as a Redis without a disk does when it dies."""
        super().script("return redis.call('FLUSHDB')")((), ())


@pytest.fixture
def redis(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[LosableCache]:
    """A Redis that is looked for again at once when it was away."""
    monkeypatch.setattr(hosts_module, "_PAUSE_SECONDS", 0)
    url = stack.description.redis_url.removesuffix("/0") + "/9"
    with LosableCache(CacheSettings(url=url)) as opened:
        opened.lose()
        yield opened


@pytest.fixture
def process(redis: LosableCache) -> Callable[[], HostLimiter]:
    """Return what makes a process with two requests at a time."""
    return lambda: HostLimiter(TWO, redis)


def silenced(hosts: HostLimiter, host: str) -> None:
    with hosts.slot(host) as slot:
        slot.signal, slot.code, slot.retry_after_seconds = HostSignal.OVERLOADED, "http_429", 100


def is_silent(hosts: HostLimiter, host: str) -> bool:
    try:
        with hosts.slot(host):
            return False
    except HostBusy as exc:
        return "asked for a pause" in exc.detail


def is_full(hosts: HostLimiter, host: str) -> bool:
    try:
        with hosts.slot(host):
            return False
    except HostBusy as exc:
        return "under way" in exc.detail


def test_requests_under_way_still_count_when_redis_goes(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts = process()
    with ExitStack() as visits:
        first = visits.enter_context(ExitStack())
        first.enter_context(hosts.slot(host))
        visits.enter_context(hosts.slot(host))
        redis.away = True
        assert is_full(hosts, host)
        first.close()
        assert not is_full(hosts, host)


def test_requests_begun_without_redis_count_when_it_comes_back_empty(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts, other = process(), process()
    redis.away = True
    with ExitStack() as visits:
        visits.enter_context(hosts.slot(host))
        visits.enter_context(hosts.slot(host))
        redis.lose()
        redis.away = False
        assert is_full(hosts, host)
        assert not is_full(other, host)  # which cannot know
    assert not is_full(hosts, host)


def test_a_pause_is_kept_by_who_was_asked_for_it_when_redis_forgets(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts, other = process(), process()
    silenced(hosts, host)
    redis.lose()
    assert is_silent(hosts, host)
    assert is_silent(other, host)  # Redis knows it again


def test_a_pause_that_began_with_redis_goes_on_without_it(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts = process()
    silenced(hosts, host)
    redis.away = True
    assert is_silent(hosts, host)


def test_a_pause_that_began_without_redis_goes_on_for_all_when_it_is_back(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts, other = process(), process()
    assert not is_silent(hosts, host)  # Redis knows the host and nothing bad about it
    redis.away = True
    silenced(hosts, host)
    redis.away = False
    assert is_silent(hosts, host)
    assert is_silent(other, host)


def test_what_a_request_from_before_learns_is_told_to_redis_when_it_is_back(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts, other = process(), process()
    redis.away = True
    with hosts.slot(host) as slot:
        redis.away = False
        slot.signal, slot.code, slot.retry_after_seconds = HostSignal.OVERLOADED, "http_429", 100
    assert is_silent(other, host)


def test_an_open_circuit_stays_open_when_redis_forgets_it(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts = process()
    with hosts.slot(host) as slot:
        slot.signal, slot.code = HostSignal.UNREACHABLE, "connect_failed"
    redis.lose()
    with pytest.raises(FetchFailed) as refused, hosts.slot(host):
        pass
    assert refused.value.code == ErrorCode.HOST_UNAVAILABLE


def test_an_open_circuit_stays_open_without_redis_and_says_why(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts = process()
    with hosts.slot(host) as slot:
        slot.signal, slot.code = HostSignal.UNREACHABLE, "connect_failed"
    redis.away = True
    with pytest.raises(FetchFailed, match=r"connect_failed") as refused, hosts.slot(host):
        pass
    assert refused.value.code == ErrorCode.HOST_UNAVAILABLE


@pytest.mark.parametrize("away", [False, True], ids=["with redis", "without redis"])
def test_a_reset_ends_a_pause_that_processes_remember(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str, *, away: bool
) -> None:
    hosts = process()
    assert not is_silent(hosts, host)
    redis.away = away
    silenced(hosts, host)
    redis.away = False
    assert is_silent(hosts, host)
    RedisHostLimits(redis, TWO).reset(host)
    assert not is_silent(hosts, host)
    redis.away = True
    assert not is_silent(hosts, host)


def test_a_pause_of_which_another_process_was_told_holds_without_redis(
    redis: LosableCache, process: Callable[[], HostLimiter], host: str
) -> None:
    hosts, other = process(), process()
    silenced(other, host)
    assert is_silent(hosts, host)
    redis.away = True
    assert is_silent(hosts, host)
