"""PostgreSQL's passwords: never an argument of a program, which the whole machine can read."""

from pathlib import Path

import pytest

from infra.settings.sections import StackSettings
from infra.stack.account import erase
from infra.stack.context import make_context
from infra.stack.services import postgres


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://shop:se%40cret@db.example:5432/postgres?sslmode=require", "se@cret"),
        ("postgresql://shop@db.example/postgres?password=se%40cret&sslmode=require", "se@cret"),
        ("postgresql://db.example/postgres", None),
    ],
)
def test_psql_gets_the_password_by_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, password: str | None
) -> None:
    told = tmp_path / "told"
    psql = tmp_path / "psql"
    psql.write_text(f'#!/bin/sh\nprintf \'%s\\n\' "$PGPASSWORD" "$*" >>{told}\n')
    psql.chmod(0o700)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setattr(postgres, "_programs", lambda _: tmp_path)
    context = make_context(StackSettings(stack_directory=tmp_path), {})
    postgres.create_database(context, url, "prefect")
    lines = told.read_text().splitlines()
    erase(tmp_path)
    assert lines[0::2] == [password or ""] * 2
    for arguments in lines[1::2]:
        assert "cret" not in arguments
        assert "db.example" in arguments
