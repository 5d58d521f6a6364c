"""`make audit`: fail when a locked package has a published advisory.

Without a way to PyPI's advisories it says so and passes: a build must not depend on that service.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
LOCKS = (
    "requirements.lock",
    "requirements-heic.lock",
    "requirements-dev.lock",
    "requirements-bootstrap.lock",
)
SECONDS = 60.0
"""For all lock files, which are audited side by side."""
_COMMAND = (
    str(Path(sys.executable).with_name("pip-audit")),
    "--disable-pip",
    "--require-hashes",
    "--progress-spinner=off",
    "--timeout=10",
    "--format=json",
)
_NO_SERVICE = ("requests.exceptions.", "pip_audit._service.", "your network may be blocking")
_NOT_TO_BE_HAD = "The advisories of PyPI cannot be had ({}): nothing is known about {}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be printed, and whether the audit fails."""

    lines: tuple[str, ...]
    fails: bool = False


def audit(lock: str, command: Sequence[str] = _COMMAND, seconds: float = SECONDS) -> Verdict:
    """Ask for the advisories of everything that a lock file names."""
    try:
        done = subprocess.run(
            [*command, "-r", lock],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict((_NOT_TO_BE_HAD.format(f"no answer in {seconds:.0f} s", lock),))
    if '"dependencies"' in done.stdout:
        return judge(lock, json.loads(done.stdout)["dependencies"])
    reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:200]
    if any(sign in done.stderr for sign in _NO_SERVICE):
        return Verdict((_NOT_TO_BE_HAD.format(reason, lock),))
    return Verdict((f"pip-audit could not read {lock}: {reason}",), fails=True)


def judge(lock: str, packages: list[dict[str, Any]]) -> Verdict:
    """Decide what pip-audit's list of packages means."""
    found = tuple(
        f"{each['name']} {each['version']} of {lock} has {hole['id']}: "
        f"{'upgrade it to ' + hole['fix_versions'][0] if hole['fix_versions'] else 'no fix yet'}."
        for each in packages
        for hole in each.get("vulns", ())
    )
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if not skipped:
        said: tuple[str, ...] = ()
    elif len(skipped) == len(packages):
        said = (_NOT_TO_BE_HAD.format("it finds none of these packages", lock),)
    else:
        said = (_NOT_TO_BE_HAD.format(f"not found: {len(skipped)}", ", ".join(skipped)),)
    clean = () if found or skipped else (f"{lock}: {len(packages)} packages, no advisory.",)
    return Verdict((*found, *said, *clean), fails=bool(found))


def main() -> int:
    """Audit every lock file; return the exit status."""
    with ThreadPoolExecutor() as pool:
        verdicts = list(pool.map(audit, LOCKS))
    for line in dict.fromkeys(line for verdict in verdicts for line in verdict.lines):
        sys.stdout.write(f"{line}\n")
    return int(any(verdict.fails for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
