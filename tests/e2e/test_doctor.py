"""The doctor on the running system: well, and told of what a person does in Prefect."""

from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli.system import read_system
from infra.db.engine import Database
from infra.objectstore import ObjectStore
from tasks.doctor import prefect_runs
from tasks.doctor.examine import CHECKS, examine
from tasks.doctor.finding import Level, System
from tasks.imaging.presets.catalogue import packaged_presets
from tests.commands import Done, run
from tests.pictures import PictureServer
from tests.support.prefect_hands import paused
from tests.world import World

Command = Callable[..., Done]
# What other tests leave behind on purpose is not for these to judge.
RUNNING = ("settings", "decoders", "schema", "clocks", "connections", "cache", "queues", "workers")
SHOWN = ("leases", "ownership", "outbox", "messages", "deployments", "schedules", "runs", "access")


@pytest.fixture
def command(world: World, tmp_path: Path) -> Command:
    """Run commands that find the stack by its description."""
    local = tmp_path / ".local"
    local.mkdir()
    (local / "stack.json").write_text(world.stack.description.as_json())
    return lambda *arguments: run(tmp_path, *arguments, COLUMNS="200")


@pytest.fixture
def system(world: World, monkeypatch: pytest.MonkeyPatch) -> System:
    for name, value in world.stack.description.environment().items():
        monkeypatch.setenv(name, value)
    settings, store = read_system()
    return System(Database(settings.database), ObjectStore(store), settings, packaged_presets())


def test_a_running_system_is_well_and_a_table_says_so(
    world: World, pictures: PictureServer, command: Command
) -> None:
    world.finished(world.post(pictures.photo(9901))["job_id"])

    told = command("doctor", *RUNNING, *SHOWN, "--json")
    shown = command("doctor", *RUNNING, "--sample", "10")

    found = {each["check"]: each["level"] for each in told.document["checks"]}
    assert found == dict.fromkeys([name for name in CHECKS if name in {*RUNNING, *SHOWN}], "ok")
    assert (told.status, told.document["status"], shown.status) == (0, 0, 0)
    assert f"{len(RUNNING)} checks: {len(RUNNING)} ok." in shown.out
    assert command("doctor", "health").status == 2


def test_what_is_paused_in_prefect_is_a_warning(world: World, command: Command) -> None:
    with paused(world, "the work pool"):
        done = command("doctor", "deployments")

    assert (done.status, "Paused in Prefect: work pool product-images." in done.out) == (1, True)


def test_a_schedule_that_is_off_is_a_warning(world: World, command: Command) -> None:
    found = world.prefect("GET", "/deployments/name/verify/verify")
    place = f"/deployments/{found['id']}/schedules/{found['schedules'][0]['id']}"
    world.prefect("PATCH", place, {"active": False})
    try:
        done = command("doctor", "schedules")
    finally:
        world.prefect("PATCH", place, {"active": True})

    assert (done.status, "The schedules of verify are off." in done.out) == (1, True)


def test_a_run_without_a_worker_is_found(
    world: World, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefect_runs, "_QUIET", -prefect_runs._QUIET)  # the reaper is that fast
    found = world.prefect("GET", "/deployments/name/verify/verify")
    path, state = f"/deployments/{found['id']}/create_flow_run", {"type": "RUNNING"}
    made = world.prefect("POST", path, {"name": "nobody's", "state": state})

    (diagnosis,) = examine(system, ["runs"])

    assert diagnosis.finding.level is Level.BROKEN
    assert "nobody's" in diagnosis.finding.detail
    world.prefect("DELETE", f"/flow_runs/{made['id']}")
