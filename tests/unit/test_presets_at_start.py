"""The API and the workers read the same presets when they start, or do not start."""

from pathlib import Path

import pytest

from api.resources import ApiConfiguration
from flows.runtime.resources import WorkerConfiguration
from infra.settings.sections import SettingsError

REQUIRED = {
    "DATABASE_URL": "postgresql://user@127.0.0.1/shop",
    "AMQP_URL": "amqp://127.0.0.1/",
    "S3_ENDPOINT": "127.0.0.1:9000",
    "S3_ACCESS_KEY": "key",
    "S3_SECRET_KEY": "secret",
    "PUBLIC_ASSET_URL": "http://127.0.0.1:9000/shop",
    "REDIS_URL": "redis://127.0.0.1",
    "PREFECT_API_URL": "http://127.0.0.1:4200/api",
}
OWN = """
version = 1
[presets.banner]
revision = 4
boxes = ["1920x600"]
fit = "cover"
formats.jpeg.quality = 80
"""

PROCESSES = pytest.mark.parametrize("configuration", [ApiConfiguration, WorkerConfiguration])
Configuration = type[ApiConfiguration] | type[WorkerConfiguration]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the presets file that the environment names; it is for the test to write."""
    monkeypatch.chdir(tmp_path)  # away from anybody's .env
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "mine.toml"
    monkeypatch.setenv("PRESETS_FILE", str(path))
    return path


@PROCESSES
def test_own_presets_are_known_beside_the_packages(
    file: Path, configuration: Configuration
) -> None:
    file.write_text(OWN)
    presets = configuration.load().presets
    assert list(presets) == ["banner", "marketplace", "thumbnail", "web"]
    assert presets.named("banner").revision == 4


@PROCESSES
def test_without_a_file_the_packages_presets_are_known(
    file: Path, configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRESETS_FILE", "")
    assert list(configuration.load().presets) == ["marketplace", "thumbnail", "web"]


@PROCESSES
def test_a_mistake_in_the_file_stops_the_start(file: Path, configuration: Configuration) -> None:
    file.write_text(OWN.replace("revision = 4", "revision = 0"))
    with pytest.raises(SettingsError, match=r"mine.toml, line 4: presets.banner.revision must not"):
        configuration.load()
