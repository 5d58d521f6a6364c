"""Packages are installed by one process at a time."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.stack.services.install import install

# Stands for apt-get as root: from its update to its install nobody else may be at work.
_APT = """#!/bin/sh
case "$*" in
  *"apt-get update"*) mkdir "$0.busy" || touch "$0.disturbed"; sleep 0.2 ;;
  *"apt-get install"*) echo "$*" >> "$0.installed"; rmdir "$0.busy" ;;
esac
"""


def test_two_that_install_at_once_take_turns(tmp_path: Path) -> None:
    apt = tmp_path / "apt"
    apt.write_text(_APT)
    apt.chmod(0o755)

    with ThreadPoolExecutor(2) as pool:
        for package in ("first", "second"):
            pool.submit(install, (str(apt),), tmp_path / f"{package}.log", package)

    installed = (tmp_path / "apt.installed").read_text().splitlines()
    assert sorted(line.rpartition(" ")[2] for line in installed) == ["first", "second"]
    assert not (tmp_path / "apt.disturbed").exists()
