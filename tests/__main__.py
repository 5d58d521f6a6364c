"""`make test`: every test, as sessions side by side, each with a private stack of its own.

The tests of the running system mostly wait, for leases to end and parts to come back; meanwhile
the others work, at a lower priority so that they do not disturb them. The output of the first
session is shown as it comes, that of the others when all are done.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_PROJECT = Path(__file__).resolve().parent.parent
_STACKS = _PROJECT / ".local"
_SLOWEST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Session:
    """Tests that share a stack, one after the other; `niceness` is added to our own."""

    name: str
    folders: tuple[str, ...]
    niceness: int = 0

    @property
    def log(self) -> Path:
        """Where its output goes when it is not shown at once."""
        return _STACKS / f"{self.name}.log"

    def begin(self, output: IO[bytes] | None) -> subprocess.Popen[bytes]:
        """Start it; without `output` it writes to ours."""
        pytest = [sys.executable, "-m", "pytest", f"--durations={_SLOWEST_SHOWN}", *self.folders]
        return subprocess.Popen(
            ["nice", "-n", str(self.niceness), *pytest],
            env={**os.environ, "STACK_TEST_DIRECTORY": str(_STACKS / self.name)},
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        )


_SHOWN = _Session("test", ("tests/chaos",))
_BESIDE = (
    _Session("test-control", ("tests/control", "tests/e2e")),
    _Session("test-contract", ("tests/contract",), niceness=5),
    _Session("test-others", ("tests/architecture", "tests/integration", "tests/unit"), niceness=5),
)


def main() -> int:
    """Run all sessions; return 0 when all tests of all passed."""
    _STACKS.mkdir(exist_ok=True)
    passed = not any(_run_all())
    for session in _BESIDE:
        sys.stdout.write(session.log.read_text(encoding="utf-8", errors="replace"))
    _say("All tests passed." if passed else "Some tests failed: see above.")
    return 0 if passed else 1


def _run_all() -> list[int]:
    """Return the exit statuses."""
    with ExitStack() as opened:
        logs = [opened.enter_context(session.log.open("wb")) for session in _BESIDE]
        beside = [session.begin(log) for session, log in zip(_BESIDE, logs, strict=True)]
        try:
            shown = _SHOWN.begin(None).wait()
        finally:
            names = ", ".join(str(session.log.relative_to(_PROJECT)) for session in _BESIDE)
            _say(f"Waiting for the other tests, which write to {names} …")
            statuses = [process.wait() for process in beside]
    return [shown, *statuses]


def _say(sentence: str) -> None:
    sys.stdout.write(f"\n{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
