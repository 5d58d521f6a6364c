"""What Redis keeps of each host for people, and the way back for a host that was left alone."""

from infra.cache import Cache
from infra.host_limits.policy import Circuit, DenyReason, HostSignal, Outcome
from infra.host_limits.redis_limits import RedisHostLimits
from tests.contract.host_limits.conftest import policy


def test_each_host_shows_what_it_answered(cache: Cache, host: str) -> None:
    hosts = RedisHostLimits(cache, policy())
    for outcome in (
        Outcome(HostSignal.ALIVE, "ok", bytes=100, duration_seconds=1),
        Outcome(HostSignal.ALIVE, "http_404", duration_seconds=3),
    ):
        hosts.enter(host, "t")
        hosts.leave(host, "t", outcome)
    hosts.enter(host, "under way")

    view = hosts.views(1)[0]
    assert (view.host, view.circuit, view.requests, view.bytes) == (host, Circuit.CLOSED, 2, 100)
    assert (view.outcomes, view.active) == ({"ok": 1, "http_404": 1}, 1)
    assert (view.mean_seconds, view.last_error) == (2, "http_404")


def test_a_reset_closes_the_circuit_and_ends_the_silence(cache: Cache, host: str) -> None:
    hosts = RedisHostLimits(cache, policy(host_breaker_failures=1))
    hosts.enter(host, "t")
    hosts.leave(host, "t", Outcome(HostSignal.UNREACHABLE, "dns_failure"))
    view = hosts.view(host)
    assert view is not None
    assert view.circuit is Circuit.OPEN
    assert hosts.enter(host, "t").hold is DenyReason.OPEN

    assert hosts.reset(host)

    view = hosts.view(host)
    assert view is not None
    assert view.circuit is Circuit.CLOSED
    assert hosts.enter(host, "t").hold is None


def test_nothing_is_known_of_a_host_that_was_never_asked(cache: Cache, host: str) -> None:
    hosts = RedisHostLimits(cache, policy())
    assert hosts.view(host) is None
    assert not hosts.reset(host)
