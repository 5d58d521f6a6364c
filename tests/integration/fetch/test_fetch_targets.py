"""Connections go to addresses that were checked, on every hop, and nowhere else."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pytest

from infra.contract.errors import FetchFailed, FetchRefused
from infra.fetch.fetcher import Fetched, Fetcher
from infra.fetch.safety.host import Address
from infra.fetch.safety.resolver import Resolver
from tests.integration.fetch.fetching import Fetches, Serve, settings
from tests.integration.fetch.hostile_server import Exchange, answering, redirecting

PICTURE = b"\xff\xd8\xff" + bytes(1000)
LOOPBACK = ip_address("127.0.0.1")
PRIVATE = ip_address("10.0.0.1")
UNUSED = ip_address("127.0.0.2")
DEADLINE_SECONDS = 20


class Names:
    """A name service that gives each host its answers in turn, the last one for ever."""

    def __init__(self, **answers: list[list[Address]]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[Address]:
        self.asked.append(host)
        turns = self._answers[host.partition(".")[0]]
        return turns.pop(0) if len(turns) > 1 else turns[0]


def _with(names: Names, *allowed: str) -> Fetcher:
    entries = allowed or ("127.0.0.1",)
    return Fetcher(settings(allowed_private_hosts=entries), resolver=Resolver(names))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "0"),
        *("[::1]", "[::ffff:127.0.0.1]", "[::]", "[64:ff9b::7f00:1]", "[::127.0.0.1]"),
    ],
)
def test_loopback_is_refused_in_every_spelling(serve: Serve, fetch: Fetches, host: str) -> None:
    server = serve({"/": answering("200 OK", PICTURE)})
    fetch.fetcher = Fetcher(settings(allowed_private_hosts=()))
    error = fetch.failure(server.url("/", host=host))
    assert (type(error), error.code) == (FetchRefused, "blocked_address")
    assert server.requests == []


def test_a_name_with_one_private_address_is_refused(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("200 OK", PICTURE)})
    for addresses in ([LOOPBACK, PRIVATE], [PRIVATE, LOOPBACK]):
        fetch.fetcher = _with(Names(shop=[addresses]))
        assert fetch.failure(server.url("/", host="shop.example")).code == "blocked_address"
    assert server.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(serve: Serve, fetch: Fetches) -> None:
    # Whoever asked a second time would be sent elsewhere.
    names = Names(shop=[[LOOPBACK], [PRIVATE]])
    server = serve({"/": answering("200 OK", PICTURE)})
    fetch.fetcher = _with(names)
    assert fetch(server.url("/", host="shop.example")).bytes == len(PICTURE)
    assert names.asked == ["shop.example"]
    assert server.requests[0].headers["host"] == f"shop.example:{server.port}"


def test_a_name_that_changes_is_checked_again_on_the_next_hop(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/a": redirecting("/b"), "/b": answering("200 OK", PICTURE)})
    fetch.fetcher = _with(Names(shop=[[LOOPBACK], [PRIVATE]]))
    assert fetch.failure(server.url("/a", host="shop.example")).code == "blocked_address"
    assert server.paths() == ["/a"]


@pytest.mark.parametrize(
    "location",
    [
        *("http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "//[::1]/", "//0x0a.1/"),
        *("http://inner.example/", "https://[fd00:ec2::254]/", "http://2852039166/"),
    ],
)
def test_a_redirect_to_a_private_address_is_refused(
    serve: Serve, fetch: Fetches, location: str
) -> None:
    fetch.fetcher = _with(Names(inner=[[PRIVATE]]))
    error = fetch.failure(serve({"/": redirecting(location)}).url("/"))
    assert (type(error), error.code) == (FetchRefused, "blocked_address")


def test_a_redirect_to_another_port_is_refused(serve: Serve, fetch: Fetches) -> None:
    inner = serve({"/": answering("200 OK", PICTURE)})
    outer = serve({"/": redirecting(inner.url("/"))})
    fetch.fetcher = Fetcher(settings(allowed_private_hosts=(f"127.0.0.1:{outer.port}",)))
    assert fetch.failure(outer.url("/")).code == "blocked_address"
    assert inner.requests == []


def test_the_next_address_is_tried_when_the_first_takes_no_connection(
    serve: Serve, fetch: Fetches
) -> None:
    server = serve({"/": answering("200 OK", PICTURE)})
    fetch.fetcher = _with(Names(shop=[[UNUSED, LOOPBACK]]), "127.0.0.0/8")
    assert fetch(server.url("/", host="shop.example")).bytes == len(PICTURE)


def test_a_name_that_does_not_resolve_may_be_tried_again(fetch: Fetches) -> None:
    def unknown(host: str) -> list[Address]:
        raise OSError("unknown")

    fetch.fetcher = Fetcher(settings(), resolver=Resolver(unknown))
    error = fetch.failure("http://shop.example/")
    assert (type(error), error.code) == (FetchFailed, "dns_failure")


@pytest.fixture
def stuck() -> Iterator[Resolver]:
    """A name service that answers nobody until the test ends."""
    released = threading.Event()

    def lookup(host: str) -> list[Address]:
        released.wait(DEADLINE_SECONDS)
        return [LOOPBACK]

    yield Resolver(lookup)
    released.set()


def test_a_stuck_name_service_ends_with_the_connect_time(fetch: Fetches, stuck: Resolver) -> None:
    fetch.fetcher = Fetcher(settings(connect_timeout_seconds=0.1), resolver=stuck)
    assert fetch.failure("http://shop.example/").code == "dns_failure"


def test_a_stuck_name_service_ends_with_the_total_time(fetch: Fetches, stuck: Resolver) -> None:
    limits = settings(total_timeout_seconds=0.1)
    fetch.fetcher = Fetcher(limits, resolver=stuck)
    assert fetch.failure("http://shop.example/").code == "total_timeout"


def test_proxies_and_passwords_of_the_environment_are_ignored(
    serve: Serve, fetch: Fetches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve({})
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, proxy.url(""))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    (tmp_path / "netrc").write_text("default login ann password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = serve({"/": answering("200 OK", PICTURE)})
    assert fetch(server.url("/")).bytes == len(PICTURE)
    assert proxy.requests == []
    assert "authorization" not in server.requests[0].headers


def test_many_threads_fetch_at_once_without_mixing(serve: Serve, tmp_path: Path) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.path.startswith("/old"):
            redirecting(exchange.path.replace("/old", "/new"))(exchange)
        else:
            answering("200 OK", PICTURE + exchange.path.encode())(exchange)

    server = serve({"/old": answer, "/new": answer})
    names = Names(shop=[[LOOPBACK]])
    fetcher = Fetcher(settings(), resolver=Resolver(names))

    def fetch(number: int) -> tuple[Fetched, bytes]:
        target = tmp_path / str(number)
        url = server.url(f"/old?{number}", host="shop.example")
        return fetcher.fetch(url, target), target.read_bytes()

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(fetch, range(100)))
    for number, (fetched, body) in enumerate(results):
        assert fetched.final_url == server.url(f"/new?{number}", host="shop.example")
        assert body == PICTURE + f"/new?{number}".encode()


def test_a_refused_url_needs_no_name_service(fetch: Fetches) -> None:
    names = Names()
    fetch.fetcher = _with(names)
    for url in ("file:///etc/passwd", "http://user@shop.example/", "http://10.0.0.1/"):
        assert isinstance(fetch.failure(url), FetchRefused)
    assert names.asked == []
