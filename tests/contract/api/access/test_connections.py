"""What one connection may cost, before anybody is asked for a key: bytes, time, memory, places."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from api.resources import ApiConfiguration
from infra.stack.stack import Stack
from tests.contract.api.conftest import MAX_FILE_BYTES
from tests.contract.api.support.running import PROBLEM, Api, changed, running_api
from tests.contract.api.support.served import peak_bytes, served_api
from tests.integration.database.fresh import tabled_database
from tests.waiting import eventually

HEADER_BYTES = 8_192
HEADER_SECONDS = 1.0
WINDOW_SECONDS = 1.0
CONNECTIONS = 12
MEBIBYTE = 1024 * 1024
ATTACK_BYTES = 100 * MEBIBYTE
SPARE_BYTES = 48 * MEBIBYTE
START = b"POST /process-image HTTP/1.1\r\nHost: localhost\r\n"
BOUNDARY = b"----parts"
FORM = b"Content-Type: multipart/form-data; boundary=" + BOUNDARY + b"\r\n"
_SECONDS = 60  # a busy machine


@pytest.fixture(scope="module")
def narrow(configured: ApiConfiguration) -> Iterator[Api]:
    limits = {
        "max_header_bytes": HEADER_BYTES,
        "header_timeout_seconds": HEADER_SECONDS,
        "body_window_seconds": WINDOW_SECONDS,
        "max_connections": CONNECTIONS,
        "write_timeout_seconds": 1.0,
        "max_form_fields": 50,
    }
    with running_api(changed(configured, api=limits)) as serving:
        yield serving


@contextmanager
def connected(api: Api) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", api.port), timeout=_SECONDS) as connection:
        yield connection


def until_closed(connection: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def refused(answer: bytes, status: int, code: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer[:200]
    assert f"content-type: {PROBLEM}".encode() in head.lower()
    assert json.loads(body)["code"] == code


def send_all(connection: socket.socket, pieces: Iterator[bytes]) -> int:
    """Send until the server has enough; return how many bytes went out."""
    sent = 0
    try:
        for piece in pieces:
            connection.sendall(piece)
            sent += len(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


def endless(beginning: bytes, piece: bytes, total: int = ATTACK_BYTES) -> Iterator[bytes]:
    yield beginning
    for _ in range(total // len(piece)):
        yield piece


HEADS = {
    "one field": (START + b"X-Long: ", b"a" * 65536),
    "many fields": (START, b"X-Some: " + b"a" * 100 + b"\r\n"),
    "a field without an end of its name": (START, b"a" * 65536),
    "a target": (b"GET /", b"a" * 65536),
    "trailers": (
        START + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
        b"X-Some: " + b"a" * 100 + b"\r\n",
    ),
    "a chunk's extension": (START + b"Transfer-Encoding: chunked\r\n\r\n2;", b"a" * 65536),
}


@pytest.mark.parametrize("kind", HEADS)
def test_header_bytes_without_end_are_refused_and_the_connection_is_closed(
    narrow: Api, kind: str
) -> None:
    with connected(narrow) as connection:
        sent = send_all(connection, endless(*HEADS[kind]))
        until_closed(connection)

    assert sent < ATTACK_BYTES


def test_a_head_that_is_too_long_is_told_in_a_problem(narrow: Api) -> None:
    for field in (b"a" * HEADER_BYTES, b"a" * 4 * HEADER_BYTES):
        with connected(narrow) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + field)
            connection.sendall(b"\r\n\r\n")
            refused(until_closed(connection), 431, "headers_too_large")

    fits = {"X-Long": "a" * (HEADER_BYTES - 1000)}
    assert narrow.call("GET", "/healthz", headers=fits).status_code == 200


def test_what_is_no_http_is_told_in_a_problem(narrow: Api) -> None:
    with connected(narrow) as connection:
        connection.sendall(b"HELLO\r\n\r\n")
        refused(until_closed(connection), 400, "invalid_request")


@pytest.mark.parametrize("kind", ["one field", "many fields", "trailers"])
def test_the_memory_of_the_process_stays_bounded(stack: Stack, kind: str) -> None:
    with (
        tabled_database(stack.description.postgres_url) as url,
        served_api(stack.description, url) as (api, process_id),
    ):
        api.accepted(image_url="https://supplier.example/a.jpg")
        before = peak_bytes(process_id)
        with connected(api) as connection:
            send_all(connection, endless(*HEADS[kind]))
            until_closed(connection)
        assert peak_bytes(process_id) - before < SPARE_BYTES
        api.accepted(image_url="https://supplier.example/a.jpg")


@pytest.mark.parametrize("beginning", [b"", b"\r\n", b"GET /healthz HT", START + b"X-Some: a"])
def test_a_head_that_does_not_come_is_not_waited_for(narrow: Api, beginning: bytes) -> None:
    with connected(narrow) as connection:
        began = time.monotonic()
        connection.sendall(beginning)
        answer = until_closed(connection)

    assert HEADER_SECONDS / 2 < time.monotonic() - began < _SECONDS
    if beginning:
        refused(answer, 408, "request_timeout")


def test_a_head_that_drips_is_not_waited_for(narrow: Api) -> None:
    with connected(narrow) as connection:
        connection.settimeout(0.05)
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")

        def answer() -> bytes | None:
            try:
                connection.sendall(b"X: a\r\n")
                return connection.recv(65536)
            except TimeoutError:
                return None

        told = eventually(answer, "the connection is refused", seconds=_SECONDS)
    refused(told, 408, "request_timeout")


def test_a_connection_that_is_used_again_keeps_the_rules(narrow: Api) -> None:
    with connected(narrow) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"\r\n")  # what some send between requests is no request
        refused(until_closed(connection), 408, "request_timeout")


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 1000\r\n", b"Transfer-Encoding: chunked\r\n"]
)
def test_a_body_that_stops_coming_is_not_waited_for(narrow: Api, framing: bytes) -> None:
    with connected(narrow) as connection:
        began = time.monotonic()
        connection.sendall(START + framing + b"\r\n")
        refused(until_closed(connection), 408, "request_timeout")

    assert time.monotonic() - began < _SECONDS


def test_a_body_that_drips_is_not_waited_for(narrow: Api) -> None:
    with connected(narrow) as connection:
        connection.settimeout(0.05)
        connection.sendall(START + b"Content-Length: 100000\r\n\r\n{")

        def answer() -> bytes | None:
            try:
                connection.sendall(b" ")
                return connection.recv(65536)
            except TimeoutError:
                return None

        told = eventually(answer, "the connection is refused", seconds=_SECONDS)
    refused(told, 408, "request_timeout")


def test_a_body_that_keeps_the_pace_is_taken_however_long_it_takes(narrow: Api) -> None:
    body = b'{"image_url": "https://supplier.example/slow.jpg"}'
    padding = b" " * 700
    rounds = 12
    with connected(narrow) as connection:
        length = rounds * len(padding) + len(body)
        connection.sendall(START + b"Content-Length: %d\r\n\r\n" % length)
        began = time.monotonic()
        for number in range(rounds):
            due = began + number * 0.25
            eventually(lambda due=due: time.monotonic() >= due, "it is time", every_seconds=0.01)
            connection.sendall(padding)
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 202 ")
    assert time.monotonic() - began > 2 * WINDOW_SECONDS


def test_an_answer_that_is_not_read_does_not_hold_its_connection(
    narrow: Api, configured: ApiConfiguration
) -> None:
    ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(narrow) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(_SECONDS)
        assert send_all(connection, endless(ask, ask, 200_000_000)) < 200_000_000


def test_connections_beyond_the_limit_are_told_to_come_back(narrow: Api) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS + 1):
            connection = stack.enter_context(connected(narrow))
            connection.sendall(START)
        refused(until_closed(connection), 503, "too_many_connections")

    def served() -> bool:
        return narrow.call("GET", "/healthz").status_code == 200

    eventually(served, "there is room again")


def field(name: str, value: bytes) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
    return b"--" + BOUNDARY + b"\r\n" + disposition + value + b"\r\n"


def test_the_fields_of_a_form_are_bounded_together(stack: Stack) -> None:
    beginning = START + FORM + b"Content-Length: 400000000\r\n\r\n"
    with (
        tabled_database(stack.description.postgres_url) as url,
        served_api(stack.description, url) as (api, process_id),
    ):
        api.accepted(image_url="https://supplier.example/a.jpg")
        before = peak_bytes(process_id)
        with connected(api) as connection:
            send_all(connection, endless(beginning, field("sku", b"a" * 900_000)))
            refused(connection.recv(65536), 413, "body_too_large")
        assert peak_bytes(process_id) - before < SPARE_BYTES


def test_too_many_fields_are_refused(narrow: Api) -> None:
    fields = [("image_urls", (None, f"https://supplier.example/{n}.jpg")) for n in range(51)]

    assert narrow.call("POST", "/process-image", files=fields).status_code == 400
    assert narrow.call("POST", "/process-image", files=fields[:50]).status_code == 202


def test_a_file_is_refused_while_it_arrives(narrow: Api) -> None:
    start = (
        b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    )
    with connected(narrow) as connection:
        connection.sendall(START + FORM + b"Content-Length: 600000\r\n\r\n" + start)
        connection.sendall(b"a" * (MAX_FILE_BYTES + 100_000))  # the rest is never sent
        answer = connection.recv(65536)
    refused(answer, 413, "body_too_large")
