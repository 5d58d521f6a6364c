"""The dependency audit fails for an advisory, and tells apart "none" and "not to be had"."""

import json
import sys
from typing import Any

import pytest

from tests.audit import LOCKS, PROJECT, audit

SOUND = {"name": "sound", "version": "1.0", "vulns": []}
HOLED = {
    "name": "holed",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI"}
NOT_TO_BE_HAD = "cannot be had"


def fake(stdout: str = "", stderr: str = "", status: int = 0) -> list[str]:
    """A command that says what pip-audit says."""
    said = f"sys.stdout.write({stdout!r}); sys.stderr.write({stderr!r})"
    script = f"import sys; {said}; sys.exit({status})"
    return [sys.executable, "-c", script]


def told(*packages: Any) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize("others", [(), (SOUND,), (UNKNOWN,)])
def test_an_advisory_fails_and_names_package_and_upgrade(others: tuple[Any, ...]) -> None:
    verdict = audit("a.lock", fake(told(*others, HOLED), status=1))
    assert verdict.fails
    assert verdict.lines[0] == "holed 1.0 of a.lock has PYSEC-2026-1: upgrade it to 1.1."


def test_an_advisory_without_a_fix_fails_too() -> None:
    hole = {"id": "PYSEC-2026-2", "fix_versions": []}
    verdict = audit("a.lock", fake(told({**HOLED, "vulns": [hole]}), status=1))
    assert verdict.fails
    assert verdict.lines == ("holed 1.0 of a.lock has PYSEC-2026-2: no fix yet.",)


def test_no_advisory_passes() -> None:
    verdict = audit("a.lock", fake(told(SOUND)))
    assert not verdict.fails
    assert verdict.lines == ("a.lock: 1 packages, no advisory.",)


@pytest.mark.parametrize(
    "command",
    [
        fake(told(UNKNOWN)),
        fake(told(SOUND, UNKNOWN)),
        fake(stderr="Traceback:\nrequests.exceptions.ConnectionError: no route\n", status=1),
        fake(stderr="Traceback:\npip_audit._service.interface.ServiceError\n", status=1),
        fake(stderr="ERROR: Tip: your network may be blocking this service.\n", status=1),
    ],
)
def test_without_the_service_it_says_so_and_passes(command: list[str]) -> None:
    verdict = audit("a.lock", command)
    assert not verdict.fails
    assert len(verdict.lines) == 1
    assert NOT_TO_BE_HAD in verdict.lines[0]


def test_it_waits_no_longer_than_it_may() -> None:
    verdict = audit("a.lock", [sys.executable, "-c", "import time; time.sleep(60)"], 0.2)
    assert not verdict.fails
    assert NOT_TO_BE_HAD in verdict.lines[0]


def test_a_lock_that_cannot_be_read_fails() -> None:
    verdict = audit("absent.lock")
    assert verdict.fails
    assert "absent.lock" in verdict.lines[0]


def test_every_lock_is_audited() -> None:
    assert set(LOCKS) == {path.name for path in PROJECT.glob("*.lock")}
