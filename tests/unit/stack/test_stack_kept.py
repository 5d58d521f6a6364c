"""A kept stack: another process moves its parts, and knows when they run older code."""

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import AuthenticationError
from pathlib import Path

import pytest

from infra.stack.supervisor.errors import StackError
from tests.support.stack_client import KeptPart, address_of, is_outdated
from tests.support.stack_server import PartServer
from tests.unit.stack.nursery import Nursery, eventually, python_part

_KEY = b"known to both"


@pytest.fixture
def folder(nursery: Nursery, tmp_path: Path) -> Iterator[Path]:
    """Where a supervisor lets others move its part, the painter."""
    supervisor = nursery.supervisor(replace(python_part("painter"), prepare=lambda: None))
    supervisor.start(threading.Event())
    with PartServer(supervisor.part_supervisor, address_of(tmp_path), _KEY):
        yield tmp_path


def test_a_part_is_seen_stopped_started_and_killed_through_the_socket(folder: Path) -> None:
    painter = KeptPart(folder, _KEY, "painter")
    first = painter.pid
    assert first is not None
    assert painter.part.name == "painter"
    assert painter.log.name == "painter.log"

    painter.stop()
    assert painter.pid is None

    painter.start()
    second = painter.pid
    assert second not in (None, first)

    painter.kill()
    eventually(lambda: painter.pid not in (None, second))
    painter.wait_until_ready()


def test_a_part_that_does_not_exist_is_an_error_of_the_caller(folder: Path) -> None:
    with pytest.raises(StackError, match="no part called sculptor"):
        KeptPart(folder, _KEY, "sculptor").stop()


def test_a_stranger_is_turned_away_and_the_next_caller_served(folder: Path) -> None:
    with pytest.raises(AuthenticationError):
        KeptPart(folder, b"guessed", "painter").stop()
    assert KeptPart(folder, _KEY, "painter").pid is not None


def test_a_process_is_outdated_when_the_code_is_newer_than_it(tmp_path: Path) -> None:
    code = tmp_path / "tasks" / "work.py"
    code.parent.mkdir()
    code.touch()
    os.utime(code, (1, 1))
    assert not is_outdated(os.getpid(), tmp_path)
    os.utime(code, (1e10, 1e10))
    assert is_outdated(os.getpid(), tmp_path)
    assert is_outdated(None, tmp_path)
