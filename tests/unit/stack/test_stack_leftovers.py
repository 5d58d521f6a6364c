"""What a dead supervisor leaves: found by id and birth, stopped, and nothing else touched."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from infra.stack.supervisor import orphan_cleanup
from infra.stack.supervisor.errors import AlreadyRunning
from infra.stack.supervisor.lock import Role, held_lock, supervisor_pid
from infra.stack.supervisor.record import (
    FILE_NAME,
    ProcessRecord,
    birth_of,
    load_records,
    save_records,
    stop_leftovers,
)
from tests.unit.stack.nursery import SLEEPER


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True) as child:
        yield child
        child.kill()


def _record(child: subprocess.Popen[bytes]) -> ProcessRecord:
    birth = birth_of(child.pid)
    return ProcessRecord("painter", child.pid, birth, state="ready", since=time.time())


def test_records_survive_the_file(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    record = _record(sleeper)
    save_records(tmp_path / FILE_NAME, [record])
    assert load_records(tmp_path / FILE_NAME) == (record,)


def test_a_left_over_process_is_stopped(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    save_records(tmp_path / FILE_NAME, [_record(sleeper)])
    assert [record.name for record in stop_leftovers(tmp_path / FILE_NAME)] == ["painter"]
    assert sleeper.wait(timeout=10) == -15
    assert not (tmp_path / FILE_NAME).exists()


def test_a_stranger_with_the_same_id_is_not_touched(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    save_records(tmp_path / FILE_NAME, [replace(_record(sleeper), birth="another boot:1")])
    assert stop_leftovers(tmp_path / FILE_NAME) == ()
    assert sleeper.poll() is None


def test_a_dead_process_has_no_birth(sleeper: subprocess.Popen[bytes]) -> None:
    record = _record(sleeper)
    sleeper.kill()
    sleeper.wait()
    assert not record.is_alive()


def test_unreadable_records_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('[{"pid": 1}]')
    assert stop_leftovers(tmp_path / FILE_NAME) == ()


def test_the_guard_stops_everything_when_the_supervisor_vanishes(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    save_records(tmp_path / FILE_NAME, [_record(sleeper)])
    orphan_cleanup.main(tmp_path, io.BytesIO(b""))
    assert sleeper.wait(timeout=10) == -15


def test_the_guard_touches_nothing_after_an_orderly_stop(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    save_records(tmp_path / FILE_NAME, [_record(sleeper)])
    orphan_cleanup.main(tmp_path, io.BytesIO(b"done"))
    assert sleeper.poll() is None


def test_the_guard_leaves_the_work_to_a_new_supervisor(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    save_records(tmp_path / FILE_NAME, [_record(sleeper)])
    with held_lock(tmp_path, Role.SUPERVISOR):
        orphan_cleanup.main(tmp_path, io.BytesIO(b""))
    assert sleeper.poll() is None


def test_one_directory_has_one_supervisor(tmp_path: Path) -> None:
    with held_lock(tmp_path, Role.SUPERVISOR):
        assert supervisor_pid(tmp_path) == os.getpid()
        with (
            pytest.raises(AlreadyRunning, match=str(os.getpid())),
            held_lock(tmp_path, Role.SUPERVISOR),
        ):
            pass
    assert supervisor_pid(tmp_path) is None


def test_a_lock_file_without_a_holder_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / "supervisor.lock").write_text("1 supervisor")
    assert supervisor_pid(tmp_path) is None
    with held_lock(tmp_path, Role.SUPERVISOR):
        assert supervisor_pid(tmp_path) == os.getpid()
