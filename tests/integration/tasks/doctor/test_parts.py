"""Parts that are away, other than declared, or short of something; and who is told of what."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.db.ids import new_id
from infra.stack.ports import free_port
from tasks.doctor import parts
from tasks.doctor.contradictions import CONTRADICTIONS
from tasks.doctor.examine import CHECKS
from tasks.doctor.finding import Level
from tests.integration.tasks.doctor.patient import Patient

PARTS = (
    *("settings", "decoders", "disk", "schema", "clocks", "connections", "cache"),
    *("queues", "dead-letters", "webhooks", "api-keys"),
)

# What each contradiction is about, in the order of the list.
WRONG: tuple[dict[str, dict[str, Any]], ...] = (
    {"pixels": {"max_bytes": 1}},
    {"api": {"max_upload_bytes": 1}},
    {"api": {"max_connections": 1}},
    {"fetch": {"threads": 4}},
    {"fetch": {"total_timeout_seconds": 500}},
    {"pixels": {"wall_seconds": 601}},
    {"dispatch": {"lost_after_seconds": 599}},
    {"timings": {"settling_seconds": 1}},
    {"garbage": {"grace_hours": 0.1}},
    {"webhooks": {"disable_after_seconds": 60}},
    {"webhooks": {"retention_days": 0.5}},
    {"database": {"pool_size": 5}},
    {"pixels": {"processes": 10_000}},
    {"api": {"open": True, "trusted_proxies": ("10.0.0.0/8",)}},
)


def test_parts_of_a_running_stack_are_well(patient: Patient) -> None:
    assert [check for check in PARTS if not patient.is_well(check)] == []


@pytest.mark.parametrize(
    ("rule", "wrong"),
    list(zip(CONTRADICTIONS, WRONG, strict=True)),
    ids=lambda each: str(each)[:40],
)
def test_settings_that_contradict_each_other_are_told(
    patient: Patient, rule: Any, wrong: dict[str, dict[str, Any]]
) -> None:
    for section, values in wrong.items():
        patient.set(section, **values)

    found = patient.look("settings")

    assert (found.level, rule.detail in found.detail) == (Level.WARNING, True)
    assert rule.advice in found.advice


@pytest.mark.parametrize(
    ("revision", "level", "words"),
    [("0001", Level.BROKEN, "migrate"), ("9999", Level.WARNING, "later version")],
)
def test_a_schema_of_another_version_is_told(
    patient: Patient, revision: str, level: Level, words: str
) -> None:
    change = "UPDATE alembic_version SET version_num = :revision"
    applied = patient.look("schema").detail.split()[-1].rstrip(".")
    patient.execute(change, revision=revision)
    try:
        found = patient.look("schema")
    finally:
        patient.execute(change, revision=applied)

    assert found.level is level
    assert words in f"{found.detail} {found.advice}"


def _remove_queue(patient: Patient) -> None:
    with patient.channel() as channel:
        channel.queue_delete(patient.topology.queues[1].name)


def _unbind(patient: Patient) -> None:
    queue = patient.topology.queues[1]
    with patient.channel() as channel:
        channel.queue_unbind(queue.name, queue.exchange, queue.routing_key)


@pytest.mark.parametrize(
    ("harm", "words"),
    [(_remove_queue, "does not exist"), (_unbind, "the lane interactive does not arrive")],
)
def test_a_queue_or_binding_that_is_gone_is_declared_again(
    patient: Patient, harm: Callable[[Patient], None], words: str
) -> None:
    harm(patient)

    found = patient.look("queues")

    assert (found.level, words in found.detail) == (Level.BROKEN, True)
    assert patient.is_mended("queues")


def test_a_queue_in_another_form_is_left_to_a_person(patient: Patient) -> None:
    name = patient.topology.queues[1].name
    with patient.channel() as channel:
        channel.queue_delete(name)
        channel.queue_declare(name, durable=True)

    found = patient.look("queues")
    left = patient.look("queues", repair=True)

    assert f"{name} has other arguments" in found.detail
    assert (left.level, "delete it" in left.advice) == (Level.BROKEN, True)


def test_dead_letters_are_counted(patient: Patient) -> None:
    with patient.channel() as channel:
        channel.confirm_delivery()
        channel.basic_publish(patient.topology.dead_exchange.name, "bulk", b"unreadable")

    found = patient.look("dead-letters")

    assert (found.level, "dead list" in found.advice) == (Level.WARNING, True)


def test_parts_that_do_not_answer_are_unknown(patient: Patient) -> None:
    nobody = free_port()
    patient.set("broker", url=f"amqp://guest:guest@127.0.0.1:{nobody}/")
    patient.set("cache", url=f"redis://127.0.0.1:{nobody}/0")
    patient.set("prefect", api_url=f"http://127.0.0.1:{nobody}/api")

    checks = ("queues", "dead-letters", "cache", "clocks", "deployments", "schedules", "runs")
    found = {check: patient.look(check).level for check in checks}

    assert set(found.values()) == {Level.UNKNOWN}


def test_old_decoders_are_told(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "problems", lambda *, heic: ["libheif is too old."])

    assert patient.look("decoders").level is Level.BROKEN


@pytest.mark.parametrize(
    ("free", "level"),
    [(100 << 20, Level.BROKEN), (1 << 30, Level.WARNING), (50 << 30, Level.OK)],
)
def test_a_disk_without_room_is_told(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    total = 100 << 30
    usage = shutil._ntuple_diskusage(total, total - free, free)  # type: ignore[attr-defined]  # its own type
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    assert patient.look("disk").level is level


def test_a_directory_of_the_worker_that_is_not_there_is_told(patient: Patient) -> None:
    patient.set("worker", directory=Path("/no/such/folder"))

    assert patient.look("disk").level is Level.WARNING


def test_a_server_short_of_connections_is_told(patient: Patient) -> None:
    patient.set("database", pool_size=10_000)

    assert "max_connections" in patient.look("connections").advice


def test_messages_that_are_not_sent_are_told(patient: Patient) -> None:
    columns = "(id, url, event, subject_id, payload, state, due_at)"
    due = "now() - interval '1 hour'"
    values = f"(:id, 'https://shop.example', 'job.finished', :id, '{{}}', 'pending', {due})"
    patient.execute(f"INSERT INTO webhook_deliveries {columns} VALUES {values}", id=new_id())

    assert patient.look("webhooks").level is Level.BROKEN


def test_a_disabled_endpoint_is_told(patient: Patient) -> None:
    columns = "(id, url, events, secret, disabled_at)"
    values = "(:id, 'https://shop.example/hook', '{job.finished}', 'whsec_x', now())"
    patient.execute(f"INSERT INTO webhook_endpoints {columns} VALUES {values}", id=new_id())

    assert "https://shop.example/hook" in patient.look("webhooks").detail


def test_a_key_that_ends_soon_is_told(patient: Patient) -> None:
    columns = "(id, hash, name, scope, expires_at)"
    values = f"('abcdefghijkl', '{'0' * 64}', 'shop', 'write', now() + interval '3 days')"
    patient.execute(f"INSERT INTO api_keys {columns} VALUES {values}")

    assert "shop" in patient.look("api-keys").detail


def test_a_check_that_fails_itself_leaves_the_others(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> Any:
        raise ZeroDivisionError

    monkeypatch.setitem(CHECKS, "disk", broken)  # type: ignore[arg-type]  # it is a dict

    assert patient.look("disk").level is Level.UNKNOWN
    assert patient.is_well("connections")
