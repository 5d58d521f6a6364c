"""No body grows beyond its limit, whether or not its length is declared."""

import socket
from collections.abc import Iterator

from tests.contract.api.support.running import PROBLEM, Api, problem

LIMIT = 1_000_000
_SECONDS = 60


def padded(size: int) -> bytes:
    """Return an acceptable JSON body of a size."""
    body = b'{"image_url": "https://supplier.example/padded.jpg"}'
    return body[:-1] + b" " * (size - len(body)) + body[-1:]


def pieces(body: bytes) -> Iterator[bytes]:
    """Let a body go out in chunks without a declared length."""
    for start in range(0, len(body), 50_000):
        yield body[start : start + 50_000]


def test_a_body_at_the_limit_is_accepted(api: Api) -> None:
    assert api.send(padded(LIMIT)).status_code == 202
    response = api.call("POST", "/process-image", data=pieces(padded(LIMIT)))
    assert response.status_code == 202


def test_a_declared_body_above_the_limit_is_refused(api: Api) -> None:
    before = api.count()

    answer = problem(api.send(padded(LIMIT + 1)), 413, "body_too_large")

    assert str(LIMIT) in answer["detail"]
    assert api.count() == before


def test_a_chunked_body_above_the_limit_is_refused(api: Api) -> None:
    response = api.call("POST", "/process-image", data=pieces(padded(LIMIT + 1)))

    problem(response, 413, "body_too_large")


def test_a_body_that_never_ends_is_refused_before_its_end(api: Api) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = b"POST /process-image HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=_SECONDS) as connection:
        connection.sendall(head + chunk * (LIMIT // 0x10000 + 1))
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert PROBLEM.encode() in answer


def test_a_declared_length_above_the_limit_is_refused_before_the_body(api: Api) -> None:
    head = b"POST /process-image HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000001\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=_SECONDS) as connection:
        connection.sendall(head)
        answer = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 413 ")
