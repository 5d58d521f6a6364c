"""The sample picture, which takes seconds to draw; nobody may write to it."""

from pathlib import Path

import pytest

from tasks.imaging.sample.product import write_sample


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.jpg"
    write_sample(path)
    return path
