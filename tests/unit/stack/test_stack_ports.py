"""Ports: free, below the ephemeral range, remembered, and a taken one named."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack.ports import free_port, is_free, remembered_ports, require_free
from infra.stack.supervisor.errors import PortTaken


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_somebody_listens_on_is_not_free(taken: int) -> None:
    assert not is_free(taken)
    assert is_free(free_port())


def test_free_ports_lie_below_the_ephemeral_range() -> None:
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))


def test_a_restart_finds_the_same_ports(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    first = remembered_ports(path, ("postgres", "redis"), ())
    assert remembered_ports(path, ("postgres", "redis"), ()) == first
    assert len(set(first.values())) == 2


def test_a_remembered_port_that_is_taken_now_is_replaced(tmp_path: Path, taken: int) -> None:
    path = tmp_path / "ports.json"
    path.write_text(json.dumps({"postgres": taken}))
    chosen = remembered_ports(path, ("postgres",), ())
    assert chosen["postgres"] != taken
    assert json.loads(path.read_text()) == chosen


def test_a_port_that_the_stack_uses_otherwise_is_not_chosen(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    port = free_port()
    path.write_text(json.dumps({"postgres": port}))
    assert remembered_ports(path, ("postgres",), (port,))["postgres"] != port


def test_an_unreadable_memory_is_started_anew(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    path.write_text("{")
    assert set(remembered_ports(path, ("redis",), ())) == {"redis"}


def test_a_taken_port_is_reported_with_its_variable(taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"{taken} is taken.*API_PORT="):
        require_free(taken, "API_PORT")
