"""Fetches that know their hosts: lists and pauses hold on every hop."""

from infra.cache import Cache
from infra.contract.errors import FetchRefused, HostBusy
from infra.fetch.fetcher import Fetcher
from infra.host_limits.limiter import HostLimiter
from infra.host_limits.policy import HostPolicy
from infra.settings.sections import CacheSettings
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tests.integration.fetch.fetching import Fetches, Serve, settings

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xd8\xff\xe0"
REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n"


def polite(cache: Cache | None = None, **changes: object) -> Fetcher:
    wanted = settings(**changes)
    return Fetcher(wanted, hosts=HostLimiter(HostPolicy.of(wanted), cache))


def test_a_denied_host_is_refused_on_a_redirect_too(serve: Serve, fetch: Fetches) -> None:
    second = serve({"/": lambda e: e.send(OK)})
    there = f"http://127.0.0.2:{second.port}/".encode()
    first = serve(
        {"/": lambda e: e.send(b"HTTP/1.1 302 Found\r\nLocation: " + there + b"\r\n\r\n")}
    )
    fetch.fetcher = polite(denied_hosts=("127.0.0.2",))
    error = fetch.failure(first.url("/"))
    assert (type(error), error.code) == (FetchRefused, "host_not_allowed")


def test_a_host_that_asked_for_a_pause_is_not_asked(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": lambda e: e.send(REFUSAL), "/other": lambda e: e.send(OK)})
    fetch.fetcher = polite()
    assert fetch.failure(server.url("/")).code == "http_429"
    error = fetch.failure(server.url("/other"))
    assert isinstance(error, HostBusy)
    assert 50 < (error.retry_after_seconds or 0) <= 60


def test_a_dead_host_is_left_alone(fetch: Fetches, stack: Stack) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    with Cache(CacheSettings(url=stack.description.redis_url)) as cache:
        fetch.fetcher = polite(cache, host_breaker_failures=2)
        codes = [fetch.failure(url).code for _ in range(3)]
    assert codes == ["connect_failed", "connect_failed", "host_unavailable"]


def test_without_redis_fetching_goes_on_within_the_same_limits(
    serve: Serve, fetch: Fetches
) -> None:
    server = serve({"/": lambda e: e.send(REFUSAL), "/other": lambda e: e.send(OK)})
    with Cache(CacheSettings(url=f"redis://127.0.0.1:{free_port()}/0")) as away:
        fetch.fetcher = polite(away)
        assert fetch(server.url("/other")).bytes == 4
        fetch.failure(server.url("/"))
        assert fetch.failure(server.url("/other")).code == "host_busy"
