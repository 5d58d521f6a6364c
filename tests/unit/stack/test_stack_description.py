"""The description of a stack: exact keys, private file, variables that point at it."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from infra.settings.sections import SettingsError
from infra.stack.credentials import remembered_credentials
from infra.stack.private_files import replace_private
from infra.stack_description import StackDescription

STACK = StackDescription(
    api="http://127.0.0.1:8080",
    prefect_ui="http://127.0.0.1:4200",
    prefect_api="http://127.0.0.1:4200/api",
    prefect_auth_string="admin:pass",
    postgres_url="postgresql://u:p@127.0.0.1:1/d",
    amqp_url="amqp://u:p@127.0.0.1:2/%2F",
    redis_url="redis://127.0.0.1:3/0",
    s3_endpoint="http://127.0.0.1:4",
    s3_bucket="pictures",
    s3_access_key="key",
    s3_secret_key="secret",
    processes={"api": 11, "worker-1": 12},
)


def test_a_description_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    for stack in (STACK, replace(STACK, samples="127.0.0.1:5")):
        path.write_text(stack.as_json())
        assert StackDescription.load(path) == stack


def test_the_file_has_exactly_the_promised_keys() -> None:
    keys = (
        "api prefect_ui prefect_api prefect_auth_string postgres_url amqp_url redis_url "
        "s3_endpoint s3_bucket s3_access_key s3_secret_key processes"
    )
    assert list(json.loads(STACK.as_json())) == keys.split()


def test_files_with_passwords_are_for_their_owner_only(tmp_path: Path) -> None:
    replace_private(tmp_path / "stack.json", STACK.as_json())
    remembered_credentials(tmp_path / "credentials.json")
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_passwords_are_generated_once(tmp_path: Path) -> None:
    first = remembered_credentials(tmp_path / "credentials.json")
    assert remembered_credentials(tmp_path / "credentials.json") == first
    assert len({first.postgres_password, first.rabbitmq_password, first.s3_secret_key}) == 3


def test_the_variables_point_at_the_stack() -> None:
    variables = replace(STACK, samples="127.0.0.1:5").environment()
    assert variables["DATABASE_URL"] == STACK.postgres_url
    assert variables["PUBLIC_ASSET_URL"] == "http://127.0.0.1:4/pictures"
    assert variables["FETCH_ALLOWED_PRIVATE_HOSTS"] == "127.0.0.1:5"
    assert "FETCH_ALLOWED_PRIVATE_HOSTS" not in STACK.environment()


@pytest.mark.parametrize("content", [None, "{", '{"api": 1}'])
def test_what_is_no_description_is_a_sentence(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "stack.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match=r"stack\.json"):
        StackDescription.load(path)
