"""TLS holds for the name in the URL, wherever the connection goes."""

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path

import pytest

from infra.contract.errors import FetchFailed, FetchRefused
from infra.fetch.fetcher import Fetcher
from infra.fetch.safety.resolver import Resolver
from tests.integration.fetch.authority import Authority
from tests.integration.fetch.fetching import Fetches, settings
from tests.integration.fetch.hostile_server import (
    Answer,
    Exchange,
    HostileServer,
    answering,
    redirecting,
)

PICTURE = b"\xff\xd8\xff" + bytes(1000)
HOST = "shop.example"
LOOPBACK = ip_address("127.0.0.1")
TOTAL_SECONDS = 0.5
SLACK_SECONDS = 10.0  # of a busy machine; what is stuck stays stuck for longer

Secure = Callable[[ssl.SSLContext, Mapping[str, Answer]], HostileServer]


@pytest.fixture
def secure() -> Iterator[Secure]:
    """Start TLS servers that stop with the test."""
    with contextlib.ExitStack() as opened:
        yield lambda tls, answers: opened.enter_context(HostileServer(answers, tls=tls))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def _at_loopback(tls: ssl.SSLContext | None, **limits: object) -> Fetcher:
    resolver = Resolver(lambda host: [LOOPBACK])
    return Fetcher(settings(**limits), resolver=resolver, tls=tls)


def _drip(exchange: Exchange) -> None:
    exchange.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000)


def test_a_trusted_certificate_of_the_urls_host_is_accepted(
    secure: Secure, authority: Authority, fetch: Fetches
) -> None:
    names: list[str | None] = []
    tls = authority.server(HOST)
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    server = secure(tls, {"/": answering("200 OK", PICTURE)})
    fetch.fetcher = _at_loopback(authority.client())
    assert fetch(server.url("/", host=HOST, scheme="https")).bytes == len(PICTURE)
    assert names == [HOST]
    assert server.requests[0].headers["host"] == f"{HOST}:{server.port}"


def test_a_trusted_certificate_of_an_address_is_accepted(
    secure: Secure, authority: Authority, fetch: Fetches
) -> None:
    server = secure(authority.server("127.0.0.1"), {"/": answering("200 OK", PICTURE)})
    fetch.fetcher = _at_loopback(authority.client())
    assert fetch(server.url("/", scheme="https")).bytes == len(PICTURE)


@pytest.mark.parametrize("named", ["other.example", "127.0.0.1", "example"])
def test_a_certificate_of_another_host_is_refused(
    secure: Secure, authority: Authority, fetch: Fetches, named: str
) -> None:
    server = secure(authority.server(named), {"/": answering("200 OK", PICTURE)})
    fetch.fetcher = _at_loopback(authority.client())
    error = fetch.failure(server.url("/", host=HOST, scheme="https"))
    assert (type(error), error.code) == (FetchRefused, "tls_error")
    assert server.requests == []


def test_a_certificate_that_nobody_trusts_is_refused(
    secure: Secure, authority: Authority, fetch: Fetches
) -> None:
    server = secure(authority.server(HOST), {"/": answering("200 OK", PICTURE)})
    fetch.fetcher = _at_loopback(None)
    error = fetch.failure(server.url("/", host=HOST, scheme="https"))
    assert (type(error), error.code) == (FetchRefused, "tls_error")
    assert server.requests == []


def test_a_certificate_that_is_over_is_refused(
    secure: Secure, authority: Authority, fetch: Fetches
) -> None:
    server = secure(authority.server(HOST, days=-1), {"/": answering("200 OK", PICTURE)})
    fetch.fetcher = _at_loopback(authority.client())
    assert fetch.failure(server.url("/", host=HOST, scheme="https")).code == "tls_error"


def test_a_server_without_tls_may_be_tried_again(authority: Authority, fetch: Fetches) -> None:
    fetch.fetcher = _at_loopback(authority.client())
    with HostileServer({}, greeting=answering("400 Bad Request")) as server:
        error = fetch.failure(server.url("/", host=HOST, scheme="https"))
    assert (type(error), error.code) == (FetchFailed, "tls_error")


def test_a_silent_handshake_ends_with_the_connect_time(
    authority: Authority, fetch: Fetches
) -> None:
    fetch.fetcher = _at_loopback(authority.client(), connect_timeout_seconds=0.2)
    with HostileServer({}) as server:
        error = fetch.failure(server.url("/", host=HOST, scheme="https"))
    assert (type(error), error.code) == (FetchFailed, "connect_timeout")


def test_a_redirect_from_https_to_http_is_not_followed(
    secure: Secure, authority: Authority, fetch: Fetches
) -> None:
    with HostileServer({"/": answering("200 OK", PICTURE)}) as plain:
        down = redirecting(plain.url("/", host=HOST))
        server = secure(authority.server(HOST), {"/": down})
        fetch.fetcher = _at_loopback(authority.client())
        error = fetch.failure(server.url("/", host=HOST, scheme="https"))
        assert plain.requests == []
    assert (type(error), error.code) == (FetchRefused, "bad_url")


def test_a_redirect_from_http_to_https_is_followed(
    secure: Secure, authority: Authority, fetch: Fetches
) -> None:
    server = secure(authority.server(HOST), {"/": answering("200 OK", PICTURE)})
    url = server.url("/", host=HOST, scheme="https")
    fetch.fetcher = _at_loopback(authority.client())
    with HostileServer({"/": redirecting(url)}) as plain:
        assert fetch(plain.url("/", host=HOST)).final_url == url


@pytest.mark.parametrize("answer", [_drip, lambda exchange: exchange.hang()], ids=["drip", "hang"])
def test_the_total_time_holds_within_tls(
    secure: Secure, authority: Authority, fetch: Fetches, answer: Answer
) -> None:
    server = secure(authority.server(HOST), {"/": answer})
    fetch.fetcher = _at_loopback(authority.client(), total_timeout_seconds=TOTAL_SECONDS)
    started = time.monotonic()
    error = fetch.failure(server.url("/", host=HOST, scheme="https"))
    assert time.monotonic() - started < TOTAL_SECONDS + SLACK_SECONDS
    assert (type(error), error.code) == (FetchFailed, "total_timeout")


def test_a_handshake_that_drips_ends_with_the_total_time(
    authority: Authority, fetch: Fetches
) -> None:
    def drip(connection: Exchange) -> None:
        connection.drip(b"\x16\x03\x03\x20\x00" + bytes(1000))

    fetch.fetcher = _at_loopback(authority.client(), total_timeout_seconds=TOTAL_SECONDS)
    with HostileServer({}, greeting=drip) as server:
        started = time.monotonic()
        error = fetch.failure(server.url("/", host=HOST, scheme="https"))
    assert time.monotonic() - started < TOTAL_SECONDS + SLACK_SECONDS
    assert (type(error), error.code) == (FetchFailed, "total_timeout")
