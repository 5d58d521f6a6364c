"""One address gets its share of the connections and no more; a trusted proxy is no address."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from api.connection import ServerConfig
from infra.settings.sections import ApiSettings
from tests.waiting import eventually

SHARE = 3
PROXY = "127.0.0.9"
ASK = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
_SECONDS = 60

Connect = Callable[[str], socket.socket]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Opens connections, from a loopback address of choice, to a server that has nothing else."""
    limits: dict[str, Any] = {"max_connections_per_address": SHARE, "trusted_proxies": PROXY}
    settings = ApiSettings.model_validate(limits)
    server = uvicorn.Server(ServerConfig(FastAPI(), settings, log_config=None, lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    with ExitStack() as opened:
        opened.callback(thread.join, _SECONDS)
        opened.callback(server.handle_exit, signal.SIGTERM, None)

        def connected(source: str) -> socket.socket:
            return opened.enter_context(
                socket.create_connection(listener.getsockname(), _SECONDS, (source, 0))
            )

        eventually(lambda: server.started, "the server listens")
        yield connected


def is_served(connection: socket.socket) -> bool:
    try:
        connection.sendall(ASK)
        return connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    except ConnectionError:  # it was closed at once
        return False


def test_an_address_that_has_its_share_is_told_to_close_some(connect: Connect) -> None:
    for _ in range(SHARE):
        assert is_served(connect("127.0.0.1"))

    head, _, body = connect("127.0.0.1").recv(65536).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: " in head.lower()
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (429, "too_many_connections")
    assert str(SHARE) in problem["detail"]


def test_others_are_served_while_an_address_has_its_share(connect: Connect) -> None:
    for _ in range(SHARE):
        assert is_served(connect("127.0.0.1"))

    for _ in range(SHARE):
        assert is_served(connect("127.0.0.2"))


def test_a_closed_connection_makes_room_for_another(connect: Connect) -> None:
    first, *_ = [connect("127.0.0.1") for _ in range(SHARE)]
    first.close()

    eventually(lambda: is_served(connect("127.0.0.1")), "there is room again")


def test_a_trusted_proxy_brings_as_many_callers_as_it_has(connect: Connect) -> None:
    for _ in range(3 * SHARE):
        assert is_served(connect(PROXY))


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("10.1.2.3", None),
        ("::ffff:10.1.2.3", None),
        ("2001:db8:ffff::1", None),
    ],
)
def test_what_is_counted_together(address: str, place: str | None) -> None:
    proxies = {"trusted_proxies": "10.0.0.0/8,2001:db8:ffff::/64"}
    config = ServerConfig(FastAPI(), ApiSettings.model_validate(proxies), log_config=None)

    assert config.place_of(address) == place
