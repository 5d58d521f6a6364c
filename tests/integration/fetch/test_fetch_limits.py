"""Every way of taking too long or sending too much ends in time, with its code."""

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra.contract.errors import FetchFailed, FetchRefused, Stopped
from infra.fetch.fetcher import Fetcher
from tests.integration.fetch.fetching import Fetches, Serve, settings
from tests.integration.fetch.hostile_server import (
    Answer,
    Exchange,
    answering,
    full_listener,
    redirecting,
    reset,
)

OK = b"HTTP/1.1 200 OK\r\n"
JPEG = b"\xff\xd8\xff"
SLACK_SECONDS = 10.0  # of a busy machine; what is stuck stays stuck for longer
TOTAL_SECONDS = 0.5
READ_SECONDS = 0.2
MEBIBYTE = 1024 * 1024


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail when the block takes longer."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds + SLACK_SECONDS


@contextmanager
def memory_below(limit_bytes: int) -> Iterator[None]:
    """Fail when the block holds more memory at any moment."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit_bytes
    finally:
        tracemalloc.stop()


def _endless(part: bytes, *, opening: bytes = b"") -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.send(opening)
        while not exchange.pause(0):
            exchange.send(part)

    return answer


def _dripping(part: bytes, *, opening: bytes = b"") -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.send(opening)
        while not exchange.pause():
            exchange.send(part)

    return answer


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

SLOW = {
    "status line": _dripping(b"H"),
    "headers": _dripping(b"X-Y: z\r\n", opening=OK),
    "one header": _dripping(b"x", opening=OK + b"X: "),
    "interim answers": _dripping(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": _dripping(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"),
    "body": _dripping(b"x", opening=OK + b"Content-Length: 100000\r\n\r\n" + JPEG),
    "body without length": _dripping(b"x", opening=OK + b"\r\n" + JPEG),
    "body without a byte of a picture": _dripping(b" ", opening=OK + b"\r\n"),
    "chunks": _dripping(b"1\r\nx\r\n", opening=CHUNKED),
    "chunk size": _dripping(b"0", opening=CHUNKED),
    "trailers": _dripping(b"X: y\r\n", opening=CHUNKED + b"3\r\n" + JPEG + b"\r\n0\r\n"),
    "redirect": _dripping(b"X: y\r\n", opening=b"HTTP/1.1 302 Found\r\nLocation: /\r\n"),
}


@pytest.mark.parametrize("answer", SLOW.values(), ids=SLOW.keys())
def test_a_drip_ends_with_the_total_time(serve: Serve, fetch: Fetches, answer: Answer) -> None:
    fetch.fetcher = Fetcher(settings(total_timeout_seconds=TOTAL_SECONDS))
    server = serve({"/": answer})
    with within(TOTAL_SECONDS):
        error = fetch.failure(server.url("/"))
    assert (type(error), error.code) == (FetchFailed, "total_timeout")


SILENT = {
    "before the answer": b"",
    "within the headers": OK + b"X: y\r\n",
    "before the body": OK + b"Content-Length: 5\r\n\r\n",
    "within the body": OK + b"Content-Length: 5\r\n\r\n" + JPEG,
    "within a chunk": CHUNKED + b"ff\r\n" + JPEG,
}


@pytest.mark.parametrize("opening", SILENT.values(), ids=SILENT.keys())
def test_a_silent_server_ends_with_the_read_time(
    serve: Serve, fetch: Fetches, opening: bytes
) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(opening)
        exchange.hang()

    fetch.fetcher = Fetcher(settings(read_timeout_seconds=READ_SECONDS))
    server = serve({"/": answer})
    with within(READ_SECONDS):
        error = fetch.failure(server.url("/"))
    assert (type(error), error.code) == (FetchFailed, "read_timeout")


def test_the_total_time_holds_over_all_redirects(serve: Serve, fetch: Fetches) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.pause(0.1)
        redirecting("/")(exchange)

    fetch.fetcher = Fetcher(settings(max_redirects=20, total_timeout_seconds=TOTAL_SECONDS))
    server = serve({"/": answer})
    with within(TOTAL_SECONDS):
        assert fetch.failure(server.url("/")).code == "total_timeout"


def test_a_host_that_takes_no_connection_ends_with_the_connect_time(fetch: Fetches) -> None:
    # A listener with a full queue: loopback's way not to answer.
    fetch.fetcher = Fetcher(settings(connect_timeout_seconds=0.3))
    with full_listener() as port, within(0.3):
        error = fetch.failure(f"http://127.0.0.1:{port}/")
    assert (type(error), error.code) == (FetchFailed, "connect_timeout")


HUGE_HEADS = {
    "one header": _endless(b"x" * 1000, opening=OK + b"X: "),
    "many headers": _endless(b"X-Y: " + b"z" * 995 + b"\r\n", opening=OK),
    "interim answers": _endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "interim answers with headers": _endless(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 100),
    "early hints": _endless(b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * 100),
    "chunk size": _endless(b"0" * 1000, opening=CHUNKED),
    "chunk names": _endless(b"1;" + b"x" * 60_000 + b"\r\nx\r\n", opening=CHUNKED),
    "trailers": _endless(
        b"X: " + b"y" * 995 + b"\r\n", opening=CHUNKED + b"3\r\n" + JPEG + b"\r\n0\r\n"
    ),
}


@pytest.mark.parametrize("answer", HUGE_HEADS.values(), ids=HUGE_HEADS.keys())
def test_endless_lines_end_before_the_time_does(
    serve: Serve, fetch: Fetches, answer: Answer
) -> None:
    server = serve({"/": answer})
    with within(2), memory_below(20 * MEBIBYTE):
        error = fetch.failure(server.url("/"))
    assert error.code in ("protocol_error", "incomplete_body")


ENDLESS = {
    "without length": _endless(bytes(MEBIBYTE), opening=OK + b"\r\n" + JPEG),
    "in chunks": _endless(b"10000\r\n" + bytes(65536) + b"\r\n", opening=CHUNKED),
    "in one chunk": _endless(bytes(MEBIBYTE), opening=CHUNKED + b"ffffffffffff\r\n"),
    "with a short gzip inside": _endless(
        bytes(MEBIBYTE), opening=OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(JPEG)
    ),
    "of nothing compressed": _endless(
        b"\x00\x00\x00\xff\xff" * 10_000,  # empty blocks
        opening=OK + b"Content-Encoding: deflate\r\n\r\n" + b"\x78\x01",
    ),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS.keys())
def test_an_endless_body_ends_at_the_limit(serve: Serve, fetch: Fetches, answer: Answer) -> None:
    server = serve({"/": answer})
    with within(2), memory_below(20 * MEBIBYTE):
        error = fetch.failure(server.url("/"))
    assert (type(error), error.code) == (FetchRefused, "too_many_bytes")


def test_a_chunk_of_negative_length_is_not_read_without_end(serve: Serve, fetch: Fetches) -> None:
    answer = _endless(bytes(MEBIBYTE), opening=CHUNKED + b"-1\r\n")
    server = serve({"/": answer})
    with within(0.5), memory_below(20 * MEBIBYTE):
        error = fetch.failure(server.url("/"))
    assert (type(error), error.code) == (FetchRefused, "protocol_error")


def test_a_body_that_is_announced_too_large_is_not_read(serve: Serve, fetch: Fetches) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(OK + b"Content-Length: 200001\r\n\r\n")
        exchange.hang()

    error = fetch.failure(serve({"/": answer}).url("/"))
    assert (type(error), error.code) == (FetchRefused, "too_many_bytes")


def test_a_body_of_exactly_the_limit_arrives(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("200 OK", JPEG + bytes(200_000 - len(JPEG)))})
    assert fetch(server.url("/")).bytes == 200_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP", "x-gzip"])
def test_a_compressed_picture_is_decoded(serve: Serve, fetch: Fetches, encoding: str) -> None:
    picture = JPEG + bytes(100_000)
    body = zlib.compress(picture) if encoding == "deflate" else gzip.compress(picture)
    server = serve({"/": answering("200 OK", body, {"Content-Encoding": encoding})})
    assert fetch(server.url("/")).bytes == len(picture)
    assert fetch.target.read_bytes() == picture


def test_a_compression_bomb_ends_at_the_limit(serve: Serve, fetch: Fetches) -> None:
    bomb = gzip.compress(JPEG + bytes(100 * MEBIBYTE))
    assert len(bomb) < 200_000
    server = serve({"/": answering("200 OK", bomb, {"Content-Encoding": "gzip"})})
    with memory_below(5 * MEBIBYTE):
        error = fetch.failure(server.url("/"))
    assert (type(error), error.code) == (FetchRefused, "too_many_bytes")


BROKEN = {
    "cut off": (b"Content-Length: 100", JPEG, "incomplete_body"),
    "nothing of it": (b"Content-Length: 100", b"", "incomplete_body"),
    "cut off chunk": (b"Transfer-Encoding: chunked", b"ff\r\n" + JPEG, "incomplete_body"),
    "no last chunk": (b"Transfer-Encoding: chunked", b"3\r\n" + JPEG + b"\r\n", "incomplete_body"),
    "no chunk size": (b"Transfer-Encoding: chunked", b"xyz\r\n", "incomplete_body"),
    "cut off gzip": (b"Content-Encoding: gzip", gzip.compress(JPEG)[:-1], "incomplete_body"),
    "no gzip": (b"Content-Encoding: gzip", b"\x1f\x8bno gzip", "protocol_error"),
    "two lengths": (b"Content-Length: 3\r\nContent-Length: 4", JPEG, "protocol_error"),
}


@pytest.mark.parametrize(("header", "body", "code"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_body_may_be_tried_again(
    serve: Serve, fetch: Fetches, header: bytes, body: bytes, code: str
) -> None:
    answer = OK + header + b"\r\n\r\n" + body
    error = fetch.failure(serve({"/": lambda exchange: exchange.send(answer)}).url("/"))
    assert (type(error), error.code) == (FetchFailed, code)


def test_a_reset_within_the_body_may_be_tried_again(serve: Serve, fetch: Fetches) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.send(OK + b"\r\n" + JPEG)
        exchange.pause()
        reset(exchange.connection)

    error = fetch.failure(serve({"/": answer}).url("/"))
    assert (type(error), error.code) == (FetchFailed, "incomplete_body")


def test_an_unknown_encoding_is_refused(serve: Serve, fetch: Fetches) -> None:
    server = serve({"/": answering("200 OK", b"\x8b\x02\x80", {"Content-Encoding": "br"})})
    error = fetch.failure(server.url("/"))
    assert (type(error), error.code) == (FetchRefused, "protocol_error")


def test_bytes_beyond_the_announced_length_are_no_part_of_the_body(
    serve: Serve, fetch: Fetches
) -> None:
    answer = OK + b"Content-Length: 3\r\n\r\n" + JPEG + b"more"
    fetch(serve({"/": lambda exchange: exchange.send(answer)}).url("/"))
    assert fetch.target.read_bytes() == JPEG


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9\r\n", b"\x00" * 100, b"", b"\r\n\r\n"])
def test_an_answer_in_another_language_is_a_protocol_error(
    serve: Serve, fetch: Fetches, answer: bytes
) -> None:
    error = fetch.failure(serve({"/": lambda exchange: exchange.send(answer)}).url("/"))
    assert (type(error), error.code) == (FetchFailed, "protocol_error")


def test_the_body_of_a_redirect_is_not_read(serve: Serve, fetch: Fetches) -> None:
    bomb = gzip.compress(bytes(100 * MEBIBYTE))
    head = (
        b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: 999999999\r\n\r\n"
    )
    server = serve(
        {"/a": _endless(bomb, opening=head), "/b": answering("200 OK", JPEG)},
    )
    with within(0.5), memory_below(5 * MEBIBYTE):
        assert fetch(server.url("/a")).bytes == len(JPEG)


def test_leaving_the_fetchers_block_ends_what_is_under_way(serve: Serve, fetch: Fetches) -> None:
    def answer(exchange: Exchange) -> None:
        with fetch.fetcher:  # left while this very request waits for its answer
            exchange.send(OK)
        exchange.hang()

    server = serve({"/": answer})
    with within(0.5):
        assert isinstance(fetch.failure(server.url("/")), Stopped)
