"""The containers and the local stack are the same system: told the same, in the same words."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types

from infra.settings.sections import StackSettings
from infra.stack.account import erase
from infra.stack.context import make_context
from infra.stack.services.prefect import prefect_part

COMPOSE = Path(__file__).resolve().parents[3] / "docker-compose.yml"

# Differ by nature: addresses, folders and passwords.
PLACES = {
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_HOME",
    "PREFECT_SERVER_API_AUTH_STRING",
    "PREFECT_SERVER_CORS_ALLOWED_ORIGINS",
    "PREFECT_SERVER_UI_API_URL",
}
# Containers only: a folder that a read-only container can write to, and what is passed on when
# it is set; the local stack passes on everything.
MORE = {
    "PREFECT_SERVER_UI_STATIC_DIRECTORY",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD",
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD",
}


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """What the local stack tells its Prefect server."""
    context = make_context(StackSettings(stack_directory=tmp_path), {})
    yield prefect_part(context).environment
    erase(tmp_path)


def test_the_prefect_server_is_told_the_same(local: Mapping[str, str]) -> None:
    service = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["prefect"]
    assert set(service["environment"]) - MORE == {*local, *PLACES} - {"PREFECT_HOME"}
    told = {k: v for k, v in service["environment"].items() if k not in PLACES | MORE}
    assert told == {k: v for k, v in local.items() if k not in PLACES}


def test_the_prefect_server_runs_by_the_same_program(tmp_path: Path) -> None:
    service = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["prefect"]
    context = make_context(StackSettings(stack_directory=tmp_path, prefect_port=4200), {})
    command = prefect_part(context).command
    erase(tmp_path)
    assert service["command"][1:] == ["0.0.0.0" if w == "127.0.0.1" else w for w in command[1:]]
