"""The syntax trees of the whole project, which the rules share, do not outlive their tests."""

from pathlib import Path

import pytest

from tests.architecture.support.source import parsed

_HERE = Path(__file__).parent


def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """Forget them after the last test of this folder."""
    if nextitem is None or _HERE not in nextitem.path.parents:
        parsed.cache_clear()
