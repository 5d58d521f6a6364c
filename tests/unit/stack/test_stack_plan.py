"""The plan: what runs here, what is used from elsewhere, and what is said when a program lacks."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.settings.sections import StackSettings
from infra.stack import account
from infra.stack.account import ServiceAccount, erase
from infra.stack.context import make_context
from infra.stack.plan import Plan, make_plan
from infra.stack.ports import free_port
from infra.stack.services import install
from infra.stack.supervisor.errors import ProgramMissing
from infra.stack.supervisor.part import PartState, Progress

ELSEWHERE = {
    "database_url": "postgresql+psycopg2://u:p@db.example:5432/shop",
    "amqp_url": "amqp://u:p@mq.example/",
    "redis_url": "redis://cache.example/0",
    "s3_endpoint": "s3.example:9000",
    "prefect_api_url": "http://prefect.example/api",
}


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[Callable[..., Plan]]:
    def make(**values: object) -> Plan:
        places = dict.fromkeys(ELSEWHERE) | values
        settings = StackSettings(
            stack_directory=tmp_path,
            api_port=free_port(),
            prefect_port=free_port(),
            **places,  # type: ignore[arg-type]  # the test's own values
        )
        told: list[Progress] = []
        made = make_plan(
            make_context(settings, {"PATH": "/usr/bin"}), told.append, application=True
        )
        used = [progress.part for progress in told if progress.state is PartState.USED]
        assert not set(used) & {part.name for part in made.parts}
        return made

    yield make
    erase(tmp_path)


def _names(plan: Plan) -> set[str]:
    return {part.name for part in plan.parts}


def test_everything_runs_here_when_nothing_is_configured(plan: Callable[..., Plan]) -> None:
    services = {"epmd", "rabbitmq", "s3", "redis", "postgres", "prefect"}
    assert _names(plan()) == services | {"migrate", "deploy", "api", "worker-1"}


def test_what_has_a_url_is_used_and_not_started(plan: Callable[..., Plan]) -> None:
    made = plan(**ELSEWHERE)
    assert _names(made) == {"migrate", "deploy", "api", "worker-1"}
    assert made.description.amqp_url == ELSEWHERE["amqp_url"]
    assert made.description.s3_endpoint == "http://s3.example:9000"
    assert made.description.prefect_ui == "http://prefect.example"


def test_every_need_is_a_part_that_runs(plan: Callable[..., Plan]) -> None:
    for places in ({}, ELSEWHERE, {"database_url": ELSEWHERE["database_url"]}):
        made = plan(**places)
        assert {need for part in made.parts for need in part.needs} <= _names(made)


def test_as_many_workers_run_as_asked_for(plan: Callable[..., Plan]) -> None:
    names = _names(plan(workers=3, **ELSEWHERE))
    assert {"worker-1", "worker-2", "worker-3"} < names


def test_sample_pictures_may_be_fetched_by_the_workers(plan: Callable[..., Plan]) -> None:
    made = plan(stack_samples=True, fetch_allowed_private_hosts="10.0.0.0/8", **ELSEWHERE)
    worker = next(part for part in made.parts if part.name == "worker-1")
    allowed = worker.environment["FETCH_ALLOWED_PRIVATE_HOSTS"]
    assert allowed == f"10.0.0.0/8,{made.description.samples}"


def test_the_operators_variables_reach_the_workers_only(plan: Callable[..., Plan]) -> None:
    by_name = {part.name: part for part in plan().parts}
    assert by_name["worker-1"].environment["PATH"] == "/usr/bin"
    assert set(by_name["redis"].environment) == {"PATH", "HOME", "LANG"}


def test_services_listen_on_loopback_only(plan: Callable[..., Plan]) -> None:
    for part in plan().parts:
        if part.uid is not None or part.name in {"prefect", "postgres"}:
            text = " ".join((*part.command, *part.environment.values()))
            assert "127.0.0.1" in text


def test_a_missing_broker_that_nobody_may_install_is_a_sentence_with_two_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "find_server", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(ProgramMissing, match=r"apt-get install.*AMQP_URL"):
        install.require_rabbitmq(tmp_path / "install.log", lambda _: None)


def test_a_program_in_a_private_folder_is_placed_where_the_services_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "_SYSTEM_FOLDER", tmp_path / "system")
    private = tmp_path / "private"
    (private / "suite" / "bin").mkdir(parents=True)
    program = private / "suite" / "bin" / "paint"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    private.chmod(0o700)
    services = ServiceAccount(os.getuid(), os.getgid(), tmp_path)
    placed = services.reachable(private / "suite") / "bin" / "paint"
    assert placed.is_relative_to(tmp_path / "system")
    assert placed.stat().st_mode & 0o005 == 0o005
    assert program.stat().st_mode & 0o777 == 0o700
    assert services.reachable(private / "suite") / "bin" / "paint" == placed
