"""Workers beside the stack's own, or in its place.

A start costs seconds of CPU, so the stack's own worker is stopped only once: tests that hire
another in its place come last.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from infra.stack.stack import Stack
from tests.support.own_workers import Hiring


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests without the stack's own worker behind all others, in their order."""
    items.sort(key=lambda item: "off_duty" in _fixtures(item))


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else ()


@pytest.fixture(scope="session")
def off_duty(stack: Stack) -> None:
    """The stack's own worker is stopped from here on; tests hire their own."""
    stack.part("worker-1").stop()


@pytest.fixture
def hire(stack: Stack, tmp_path: Path) -> Iterator[Hiring]:
    """Starts workers of the test's own."""
    hiring = Hiring(stack, tmp_path)
    yield hiring
    hiring.let_all_go()
