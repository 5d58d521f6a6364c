"""The command of docker-compose.yml's cache, run by the same server that the local stack uses."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from infra.stack.ports import free_port
from infra.stack.services.valkey import _server
from tests.waiting import eventually

COMPOSE = Path(__file__).resolve().parents[3] / "docker-compose.yml"
PASSWORD = "0123456789abcdef"


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """The port and the process id of a server that was started as the container starts it."""
    (tmp_path / "valkey-server").symlink_to(_server())
    port = free_port()
    described = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["redis"]
    *shell, script = (str(word).replace("$$", "$") for word in described["command"])
    here = script.replace("--save", f"--bind 127.0.0.1 --port {port} --save")
    environment = {"PATH": f"{tmp_path}:{os.defpath}", "REDISCLI_AUTH": PASSWORD}
    program = shutil.which(shell[0]) or shell[0]
    with subprocess.Popen(
        [program, *shell[1:], here], env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL
    ) as running:
        yield port, running.pid
        running.terminate()
        assert running.wait(30) == 0


def answers(port: int, password: str | None) -> bool:
    with redis.Redis(port=port, password=password) as client:
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            return False


def listens(port: int) -> bool:
    try:
        return answers(port, PASSWORD)
    except redis.ConnectionError:
        return False


def test_the_cache_of_the_containers_asks_for_the_password(cache: tuple[int, int]) -> None:
    port, pid = cache
    eventually(lambda: listens(port), "the cache takes its password")

    assert not answers(port, None)
    assert not answers(port, "another")
    assert PASSWORD not in Path(f"/proc/{pid}/cmdline").read_text()


def test_the_cache_of_the_containers_keeps_nothing_and_drops_the_oldest(
    cache: tuple[int, int],
) -> None:
    port, _ = cache
    eventually(lambda: listens(port), "the cache takes its password")

    with redis.Redis(port=port, password=PASSWORD, decode_responses=True) as client:
        told = client.config_get("save", "appendonly", "maxmemory", "maxmemory-policy")
    assert told == {
        "save": "",
        "appendonly": "no",
        "maxmemory": str(256 * 1024 * 1024),
        "maxmemory-policy": "allkeys-lru",
    }
