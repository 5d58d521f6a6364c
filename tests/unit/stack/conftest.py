"""Fixtures for the tests of the local stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.stack.nursery import Nursery


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    made = Nursery(tmp_path / "logs")
    yield made
    made.close()
