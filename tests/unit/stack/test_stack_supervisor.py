"""The supervisor: starts in order of need, revives the dead, gives up, stops in order."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from infra.stack.supervisor.errors import Interrupted, PartFailed, StackError
from infra.stack.supervisor.part import PartState
from infra.stack.supervisor.record import birth_of
from tests.unit.stack.nursery import Nursery, eventually, python_part

READY_THEN_DEAD = "import sys, time\nprint('out of paint')\ntime.sleep(0.2)\nsys.exit(7)"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('armed', flush=True)\nwhile True: time.sleep(60)"
)


def test_a_part_starts_after_the_ones_that_it_needs_are_ready(nursery: Nursery) -> None:
    first = replace(python_part("first", "pass"), once=True)
    supervisor = nursery.supervisor(python_part("second", needs=("first",)), first)
    supervisor.start(threading.Event())
    assert [progress.part for progress in nursery.told] == ["first", "second"]
    assert nursery.states("first") == [PartState.DONE]


def test_a_part_that_dies_shows_its_last_lines_and_is_started_again(
    nursery: Nursery, tmp_path: Path
) -> None:
    once = tmp_path / "died"
    code = f"import pathlib\np = pathlib.Path({str(once)!r})\nif not p.exists():\n p.touch()\n "
    code += READY_THEN_DEAD.replace("\n", "\n ") + "\nimport time; time.sleep(600)"
    supervisor = nursery.supervisor(python_part("painter", code))
    supervisor.start(threading.Event())
    wanted = [PartState.READY, PartState.DIED, PartState.READY]
    eventually(lambda: nursery.states("painter") == wanted)
    death = nursery.told[1]
    assert death.lines == ("out of paint",)
    assert death.detail == "exit code 7"
    assert supervisor.failure is None


def test_a_killed_part_comes_back_with_another_process(nursery: Nursery) -> None:
    supervisor = nursery.supervisor(python_part("painter"))
    supervisor.start(threading.Event())
    part_supervisor = supervisor.part_supervisor("painter")
    before = part_supervisor.pid
    part_supervisor.kill()
    eventually(lambda: part_supervisor.pid not in (None, before))
    eventually(lambda: len(nursery.states("painter")) == 3)
    assert nursery.told[1].detail == "killed by signal 9"


def test_a_part_that_keeps_dying_makes_the_supervisor_give_up(nursery: Nursery) -> None:
    supervisor = nursery.supervisor(python_part("painter", READY_THEN_DEAD))
    supervisor.start(threading.Event())
    eventually(lambda: supervisor.failure is not None)
    assert nursery.states("painter")[-1] is PartState.FAILED
    assert nursery.states("painter").count(PartState.DIED) == 3
    assert "out of paint" in str(supervisor.failure)


def test_a_part_that_runs_once_and_fails_is_not_tried_again(nursery: Nursery) -> None:
    part = replace(python_part("migrate", "raise SystemExit('no such table')"), once=True)
    supervisor = nursery.supervisor(part)
    with pytest.raises(PartFailed, match="no such table"):
        supervisor.start(threading.Event())
    assert nursery.states("migrate") == [PartState.FAILED]


def test_a_part_that_never_gets_ready_is_stopped_and_named(nursery: Nursery) -> None:
    part = replace(python_part("painter"), probe=lambda: False, start_seconds=0.3)
    supervisor = nursery.supervisor(part)
    with pytest.raises(PartFailed, match="painter failed"):
        supervisor.start(threading.Event())
    assert supervisor.records() == ()


def test_a_preparation_that_fails_is_a_sentence(nursery: Nursery) -> None:
    def refuse() -> None:
        raise StackError("the disk is full")

    supervisor = nursery.supervisor(replace(python_part("painter"), prepare=refuse))
    with pytest.raises(PartFailed, match="the disk is full"):
        supervisor.start(threading.Event())


def test_an_interrupted_start_ends_at_once(nursery: Nursery) -> None:
    interrupted = threading.Event()
    interrupted.set()
    supervisor = nursery.supervisor(replace(python_part("painter"), probe=lambda: False))
    with pytest.raises(Interrupted):
        supervisor.start(interrupted)


def test_parts_stop_wave_by_wave_the_highest_first(nursery: Nursery) -> None:
    waves = {"database": 1, "broker": 2, "worker-1": 3, "worker-2": 3}
    parts = [replace(python_part(name), wave=wave) for name, wave in waves.items()]
    supervisor = nursery.supervisor(*parts)
    supervisor.start(threading.Event())
    nursery.told.clear()
    supervisor.stop()
    stopped = [progress.part for progress in nursery.told]
    assert stopped == ["worker-1", "worker-2", "broker", "database"]


def test_a_part_that_ignores_the_request_to_stop_is_killed(nursery: Nursery) -> None:
    log = nursery.logs / "stubborn.log"
    part = replace(
        python_part("stubborn", STUBBORN),
        probe=lambda: "armed" in log.read_text(),
        stop_seconds=0.3,
    )
    supervisor = nursery.supervisor(part)
    supervisor.start(threading.Event())
    (record,) = supervisor.records()
    supervisor.stop()
    assert not record.is_alive()


def test_children_of_a_part_do_not_outlive_it(nursery: Nursery) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\nwhile True: time.sleep(60)"
    )
    log = nursery.logs / "parent.log"
    part = replace(python_part("parent", code), probe=lambda: log.read_text().endswith("\n"))
    supervisor = nursery.supervisor(part)
    supervisor.start(threading.Event())
    child = int(log.read_text())
    supervisor.stop()
    eventually(lambda: birth_of(child) == "")


def test_a_deliberate_stop_is_not_a_death_and_lasts_until_the_start(nursery: Nursery) -> None:
    supervisor = nursery.supervisor(python_part("broker"))
    supervisor.start(threading.Event())
    part_supervisor = supervisor.part_supervisor("broker")
    first = part_supervisor.record()
    part_supervisor.stop()
    assert supervisor.records() == ()
    part_supervisor.start()
    assert part_supervisor.record() not in (None, first)
    assert nursery.states("broker") == [PartState.READY, PartState.STOPPED, PartState.READY]


def test_each_start_and_end_of_a_process_is_told_as_a_change(nursery: Nursery) -> None:
    supervisor = nursery.supervisor(python_part("painter"))
    supervisor.start(threading.Event())
    eventually(lambda: nursery.changes > 0)
    before = nursery.changes
    supervisor.part_supervisor("painter").kill()
    eventually(lambda: nursery.changes >= before + 2)


def test_a_part_that_does_not_exist_is_named(nursery: Nursery) -> None:
    with pytest.raises(StackError, match="no part called kafka"):
        nursery.supervisor().part_supervisor("kafka")
