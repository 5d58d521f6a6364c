"""A fetch that nobody wants any more ends soon, in whatever phase it is stuck."""

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from threading import Event
from uuid import uuid4

import psutil
import pytest

from infra.contract.errors import Stopped
from infra.fetch.fetcher import Fetched, Fetcher
from infra.fetch.safety.resolver import Resolver
from infra.fetch.safety.source_url import parse_source_url
from infra.fetch.transport.deadline import Deadline
from infra.fetch.transport.pinned import connect
from infra.fetch.transport.stop import Stop
from infra.objectstore import ObjectStore
from infra.settings.sections import StoreSettings
from tasks.steps.fetch import ImageSource
from tasks.steps.results import ClaimedImage
from tests.integration.fetch.fetching import Fetches, Serve, settings
from tests.integration.fetch.hostile_server import (
    Answer,
    Exchange,
    HostileServer,
    answering,
    full_listener,
    redirecting,
)
from tests.waiting import eventually

TOTAL_SECONDS = 120  # of a fetch that nobody stops
STOPPED_SECONDS = 20  # generous, and far below
OK = b"HTTP/1.1 200 OK\r\n"
JPEG = b"\xff\xd8\xff"
PATIENT = settings(
    connect_timeout_seconds=TOTAL_SECONDS,
    read_timeout_seconds=TOTAL_SECONDS,
    total_timeout_seconds=TOTAL_SECONDS,
)


class Background:
    """A fetch in another thread, which only a stop can end in time."""

    def __init__(self, fetch: Fetches, threads: ThreadPoolExecutor) -> None:
        self.stop = Stop()
        self._fetch = fetch
        self._threads = threads
        self._results: list[Future[Fetched]] = []
        fetch.fetcher = Fetcher(PATIENT)

    def start(self, url: str) -> None:
        target = self._fetch.target
        self._results.append(
            self._threads.submit(self._fetch.fetcher.fetch, url, target, stop=self.stop)
        )

    def ends(self) -> None:
        """Stop; every fetch must end soon, and leave nothing."""
        assert not any(result.done() for result in self._results)
        self.stop.stop()
        for result in self._results:
            error = result.exception(STOPPED_SECONDS)
            assert isinstance(error, Stopped), error
            assert error.code == "cancelled"
        assert not self._fetch.target.exists()


@pytest.fixture
def background(fetch: Fetches) -> Iterator[Background]:
    with ThreadPoolExecutor(4) as threads:
        started = Background(fetch, threads)
        yield started
        started.stop.stop()


def _dripping(part: bytes, *, opening: bytes = b"") -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.send(opening)
        while not exchange.pause():
            exchange.send(part)

    return answer


def _silent(opening: bytes) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.send(opening)
        exchange.hang()

    return answer


STUCK = {
    "silence before the answer": _silent(b""),
    "silence within the headers": _silent(OK + b"X: y\r\n"),
    "drip of headers": _dripping(b"X-Y: z\r\n", opening=OK),
    "drip of interim answers": _dripping(b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("answer", STUCK.values(), ids=STUCK.keys())
def test_a_fetch_that_waits_for_the_answers_head_ends_when_it_is_stopped(
    serve: Serve, background: Background, answer: Answer
) -> None:
    server = serve({"/": answer})
    background.start(server.url("/"))
    eventually(lambda: server.requests, "the request has arrived")
    background.ends()


BODIES = {
    "silence": _silent(OK + b"Content-Length: 100000\r\n\r\n" + JPEG),
    "drip": _dripping(b"x", opening=OK + b"Content-Length: 100000\r\n\r\n" + JPEG),
    "drip without length": _dripping(b"x", opening=OK + b"\r\n" + JPEG),
    "drip of chunks": _dripping(b"1\r\nx\r\n", opening=OK + b"Transfer-Encoding: chunked\r\n\r\n"),
}


@pytest.mark.parametrize("answer", BODIES.values(), ids=BODIES.keys())
def test_a_fetch_that_reads_a_body_ends_when_it_is_stopped_and_leaves_no_file(
    serve: Serve, background: Background, fetch: Fetches, answer: Answer
) -> None:
    background.start(serve({"/": answer}).url("/"))
    eventually(fetch.target.exists, "the body is being written")
    background.ends()


def test_a_fetch_that_connects_ends_when_it_is_stopped(background: Background) -> None:
    with full_listener() as port:
        fillers = _connecting_to(port)
        background.start(f"http://127.0.0.1:{port}/")
        eventually(lambda: _connecting_to(port) > fillers, "the connection is being opened")
        background.ends()


def _connecting_to(port: int) -> int:
    connections = psutil.Process().net_connections("tcp4")
    return sum(c.status == "SYN_SENT" and c.raddr[1] == port for c in connections)


class _StoppedTooEarly(Deadline):
    """Is stopped when the socket is watched already and does not connect yet."""

    def watch(self, connection: socket.socket) -> None:
        super().watch(connection)
        self.stop()


def test_a_stop_just_before_the_connection_is_opened_is_not_missed() -> None:
    address = ip_address("127.0.0.1")
    with full_listener() as port, _StoppedTooEarly(TOTAL_SECONDS) as deadline:
        url = parse_source_url(f"http://127.0.0.1:{port}/")
        with pytest.raises(Stopped):
            connect(url, [address], timeout_seconds=TOTAL_SECONDS, deadline=deadline)


def test_a_fetch_that_shakes_hands_ends_when_it_is_stopped(background: Background) -> None:
    shaking = Event()

    def never_answer(exchange: Exchange) -> None:
        shaking.set()
        exchange.hang()

    with HostileServer({}, greeting=never_answer) as server:
        background.start(server.url("/", scheme="https"))
        assert shaking.wait(STOPPED_SECONDS)
        background.ends()


def test_a_fetch_that_waits_for_a_name_ends_when_it_is_stopped(
    background: Background, fetch: Fetches
) -> None:
    asked, answered = Event(), Event()

    def never_answer(host: str) -> list[IPv4Address]:
        asked.set()
        answered.wait(TOTAL_SECONDS)
        return [IPv4Address("127.0.0.1")]

    fetch.fetcher = Fetcher(PATIENT, resolver=Resolver(never_answer))
    background.start("http://supplier.example/a.jpg")
    assert asked.wait(STOPPED_SECONDS)
    background.ends()
    answered.set()


def test_a_fetch_that_is_led_in_circles_ends_when_it_is_stopped(
    serve: Serve, background: Background, fetch: Fetches
) -> None:
    fetch.fetcher = Fetcher(PATIENT.model_copy(update={"max_redirects": 1_000_000}))
    server = serve({"/": redirecting("/")})
    background.start(server.url("/"))
    eventually(lambda: len(server.requests) > 5, "redirects are followed")
    background.ends()


def test_one_stop_ends_all_fetches_of_a_job(serve: Serve, background: Background) -> None:
    server = serve({"/": _silent(b"")})
    for _ in range(3):
        background.start(server.url("/"))
    eventually(lambda: len(server.requests) == 3, "all requests have arrived")
    background.ends()


def test_a_fetch_that_is_stopped_before_it_begins_asks_nobody(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("200 OK", JPEG)})
    stop = Stop()
    stop.stop()
    with pytest.raises(Stopped):
        fetch.fetcher.fetch(server.url("/"), fetch.target, stop=stop)
    assert server.requests == []


def test_a_stop_after_the_end_changes_nothing(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("200 OK", JPEG)})
    stop = Stop()
    fetch.fetcher.fetch(server.url("/"), fetch.target, stop=stop)
    stop.stop()
    assert fetch.target.read_bytes() == JPEG


def test_the_source_of_a_jobs_images_is_stopped_with_the_job(serve: Serve, tmp_path: Path) -> None:
    server = serve({"/": _dripping(b"x", opening=OK + b"\r\n" + JPEG)})
    store = StoreSettings(endpoint="127.0.0.1:9", access_key="a", secret_key="b")
    image = ClaimedImage(
        uuid4(),
        position=0,
        source_url=server.url("/"),
        stored_key=None,
        current_sha256=None,
        current_fingerprint=None,
    )
    stop = Stop()
    with ThreadPoolExecutor(1) as threads:
        source = ImageSource(Fetcher(PATIENT), ObjectStore(store))
        result = threads.submit(source.fetch, image, tmp_path, stop=stop)
        eventually((tmp_path / "0.source").exists, "the body is being written")
        stop.stop()
        assert isinstance(result.exception(STOPPED_SECONDS), Stopped)
    assert list(tmp_path.iterdir()) == []
