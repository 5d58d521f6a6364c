"""`make test`: every test, as two sessions side by side, each with a private stack of its own.

The fault tests mostly wait, for leases to end and parts to come back; meanwhile the other session
works, at a lower priority so that it does not disturb them. Its output follows when both are done.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

_PROJECT = Path(__file__).resolve().parent.parent
_STACKS = _PROJECT / ".local"
_FAULTS = ("tests/chaos", "tests/e2e")
_OTHERS = ("tests/architecture", "tests/contract", "tests/integration", "tests/unit")
_LOWER_PRIORITY = ("nice", "-n", "10")
_LOG = _STACKS / "test-others.log"


def main() -> int:
    """Run both sessions; return 0 when all tests of both passed."""
    _STACKS.mkdir(exist_ok=True)
    with _LOG.open("wb") as output:
        others = _others(output)
        try:
            faults = subprocess.run(_pytest(_FAULTS), env=_environment("test"), check=False)
        finally:
            _say(f"Waiting for the other tests, which write to {_LOG.relative_to(_PROJECT)} …")
            status = others.wait()
    sys.stdout.write(_LOG.read_text(encoding="utf-8", errors="replace"))
    passed = faults.returncode == status == 0
    _say("All tests passed." if passed else "Some tests failed: see above.")
    return 0 if passed else 1


def _others(output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*_LOWER_PRIORITY, *_pytest(_OTHERS)],
        env=_environment("test-others"),
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def _pytest(folders: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "pytest", *folders]


def _environment(stack: str) -> dict[str, str]:
    return {**os.environ, "STACK_TEST_DIRECTORY": str(_STACKS / stack)}


def _say(sentence: str) -> None:
    sys.stdout.write(f"\n{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
