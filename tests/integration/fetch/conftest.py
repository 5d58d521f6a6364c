"""What the fetch tests share: servers that end with the test, and a fetcher with small limits."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.fetch.fetching import Fetches, Serve
from tests.integration.fetch.hostile_server import HostileServer


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that stop with the test."""
    with contextlib.ExitStack() as opened:
        yield lambda answers: opened.enter_context(HostileServer(answers))


@pytest.fixture
def fetch(tmp_path: Path) -> Fetches:
    """Fetch into a file of the test's own."""
    return Fetches(tmp_path / "picture")
