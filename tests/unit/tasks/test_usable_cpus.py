"""The CPUs that a worker counts are those that its container may use."""

import os
from pathlib import Path

import pytest

from tasks.pixels.cpus import usable_cpus

MACHINE = 64


@pytest.fixture(autouse=True)
def _large_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(MACHINE)))


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("max 100000", MACHINE),
        ("9900000 100000", MACHINE),
    ],
)
def test_a_quota_of_cpu_time_counts_as_that_many_cpus(
    tmp_path: Path, quota: str, cpus: int
) -> None:
    (tmp_path / "own").write_text("0::/\n")
    (tmp_path / "cpu.max").write_text(f"{quota}\n")

    assert usable_cpus(tmp_path, tmp_path / "own") == cpus


def test_the_smallest_quota_of_the_groups_around_it_counts(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("9:pids:/\n0::/pod/container\n")
    for group, quota in (("pod", "200000 100000"), ("pod/container", "400000 100000")):
        (tmp_path / group).mkdir()
        (tmp_path / group / "cpu.max").write_text(quota)

    assert usable_cpus(tmp_path, tmp_path / "own") == 2


def test_without_control_groups_the_affinity_counts(tmp_path: Path) -> None:
    assert usable_cpus(tmp_path, tmp_path / "none") == MACHINE
