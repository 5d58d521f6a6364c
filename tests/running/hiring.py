"""Workers beside the stack's own, which is there again when the test is over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack.stack import Stack
from tests.running.own_workers import Hiring


@pytest.fixture(scope="module")
def off_duty(stack: Stack) -> Iterator[None]:
    """The stack's own worker is stopped for all tests of a file, which hire their own."""
    worker = stack.part("worker-1")
    worker.stop()
    yield
    worker.start()


@pytest.fixture
def hire(stack: Stack, tmp_path: Path) -> Iterator[Hiring]:
    """Starts workers of the test's own."""
    hiring = Hiring(stack, tmp_path)
    yield hiring
    hiring.let_all_go()
