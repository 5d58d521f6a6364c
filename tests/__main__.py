"""`make test`: every test, as sessions side by side, each with a private stack of its own.

The tests of the running system mostly wait, for leases to end and parts to come back; meanwhile
the others work, at a lower priority so that they do not disturb them. `make check` (the argument
`check`) is the tests that need no stack, as two sessions of about the same length. The output of
the first session is shown as it comes, that of the others when all are done.
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
    arguments: tuple[str, ...]
    niceness: int = 0

    @property
    def log(self) -> Path:
        """Where its output goes when it is not shown at once."""
        return _STACKS / f"{self.name}.log"

    def begin(self, output: IO[bytes] | None) -> subprocess.Popen[bytes]:
        """Start it; without `output` it writes to ours."""
        pytest = [sys.executable, "-m", "pytest", f"--durations={_SLOWEST_SHOWN}", *self.arguments]
        return subprocess.Popen(
            ["nice", "-n", str(self.niceness), *pytest],
            env={**os.environ, "STACK_TEST_DIRECTORY": str(_STACKS / self.name)},
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        )


_ALL = (
    # Stacks start one after the other (tests/conftest.py): those first whose tests wait the most.
    _Session("test", ("tests/chaos",)),
    _Session("test-control", ("tests/control", "tests/e2e")),
    # One session has all that seldom waits: a fourth stack would only make the others slower.
    _Session(
        "test-others",
        ("tests/architecture", "tests/unit", "tests/contract", "tests/integration"),
        niceness=5,
    ),
)
_WITHOUT_STACK = (
    _Session("check", ("-q", "tests/unit", "--ignore=tests/unit/imaging")),
    _Session("check-others", ("-q", "tests/architecture", "tests/unit/imaging")),
)


def main() -> int:
    """Run the sessions; return 0 when all tests of all passed."""
    shown, *beside = _WITHOUT_STACK if sys.argv[1:] == ["check"] else _ALL
    _STACKS.mkdir(exist_ok=True)
    passed = not any(_run(shown, beside))
    for session in beside:
        sys.stdout.write(session.log.read_text(encoding="utf-8", errors="replace"))
    _say("All tests passed." if passed else "Some tests failed: see above.")
    return 0 if passed else 1


def _run(shown: _Session, beside: list[_Session]) -> list[int]:
    """Return the exit statuses."""
    with ExitStack() as opened:
        logs = [opened.enter_context(session.log.open("wb")) for session in beside]
        first_running = shown.begin(None)
        running = [session.begin(log) for session, log in zip(beside, logs, strict=True)]
        try:
            first = first_running.wait()
        finally:
            names = ", ".join(str(session.log.relative_to(_PROJECT)) for session in beside)
            _say(f"Waiting for the other tests, which write to {names} …")
            statuses = [process.wait() for process in running]
    return [first, *statuses]


def _say(sentence: str) -> None:
    sys.stdout.write(f"\n{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
