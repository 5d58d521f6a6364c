"""`make test`: every test, as sessions side by side, each with a private stack of its own.

The tests of the running system mostly wait, for leases to end and parts to come back; meanwhile
the others work, at a lower priority so that they do not disturb them. `make check` (the argument
`check`) is the tests that need no stack, as two sessions of about the same length; `make
test-thorough` (`thorough`) is those that take hours, those with the mark `thorough`, and the whole
amount of what `make test` does a tenth of (tests/amount.py). The output of the first session is
shown as it comes, that of the others when all are done. `python -m tests some …` hands everything
else to pytest: the tests that are named, marked or not, in one session.

What failed beside the other sessions runs once more, alone: a machine that is short of time makes
a part late, and a fault of ours fails again. What passed only alone is named at the end, to be
mended.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.stack.supervisor.lock import supervisor_pid

_PROJECT = Path(__file__).resolve().parent.parent
_STACKS = _PROJECT / ".local"
_SLOWEST_SHOWN = 10
_PIXELS = "tests/integration/pixels"  # which need no stack
_DRAWN = (
    "tests/contract/api/operations/test_fuzz.py",
    "tests/integration/tasks/contents/test_garbage_at_random.py",
)
_AT_ONCE = 4  # three with a stack, and one without
_TESTS_FAILED = 1  # pytest's exit status; any other above zero says that not all tests ran


@dataclass(frozen=True, slots=True)
class _Session:
    """Tests that share a stack, one after the other; `niceness` is added to our own."""

    name: str
    arguments: tuple[str, ...]
    niceness: int = 0
    thorough: bool = False

    @property
    def log(self) -> Path:
        """Where its output goes when it is not shown at once."""
        return _STACKS / f"{self.name}.log"

    @property
    def cache(self) -> Path:
        """Where pytest keeps the names of the tests that failed."""
        return _STACKS / f"{self.name}.cache"

    def run(self, *more: str) -> int:
        """Run it to its end, its output going to ours; return the exit status."""
        return self._begun(None, more).wait()

    def run_aside(self) -> int:
        """Run it to its end, its output going to its log; return the exit status."""
        with self.log.open("wb") as output:
            return self._begun(output.fileno(), ()).wait()

    def failed_tests(self) -> list[str]:
        """Return the ids of the tests that failed when it last ran."""
        found = self.cache / "v/cache/lastfailed"
        return sorted(json.loads(found.read_bytes())) if found.exists() else []

    def _begun(self, output: int | None, more: tuple[str, ...]) -> subprocess.Popen[bytes]:
        pytest = [sys.executable, "-m", "pytest", f"--durations={_SLOWEST_SHOWN}"]
        return subprocess.Popen(
            [
                *("nice", "-n", str(self.niceness), *pytest, "-o", f"cache_dir={self.cache}"),
                *(*self.arguments, *more),
            ],
            env={
                **os.environ,
                "STACK_TEST_DIRECTORY": str(_STACKS / self.name),
                "TESTS_THOROUGH": str(int(self.thorough)),
            },
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        )


_CHAOS = ("tests/chaos",)
_SYSTEM = ("tests/e2e", "tests/prefect_control")  # in this order: the second cancels images
_SERVICES = ("tests/contract", "tests/integration", f"--ignore={_PIXELS}")
_USUAL, _MARKED = ("-m", "not thorough"), ("-m", "thorough")
_ALL = (
    # Stacks start one after the other (tests/conftest.py): those first whose tests wait the most.
    _Session("test", (*_CHAOS, *_USUAL)),
    _Session("test-system", (*_SYSTEM, *_USUAL)),
    _Session("test-services", (*_SERVICES, *_USUAL), niceness=5),
    # From the beginning: it works while the stacks start, which leaves half of a machine idle.
    _Session("test-unit", ("tests/architecture", "tests/unit", _PIXELS, *_USUAL), niceness=7),
)
_WITHOUT_STACK = (
    _Session(
        "check",
        ("-q", "tests/architecture", "tests/unit", "--ignore=tests/unit/imaging", *_USUAL),
    ),
    _Session("check-imaging", ("-q", "tests/unit/imaging", *_USUAL)),
)
_SESSIONS = {
    "all": _ALL,
    "check": _WITHOUT_STACK,
    "thorough": (
        _Session("thorough", ("-v", "tests/thorough"), thorough=True),
        _Session("thorough-marked", (*_CHAOS, *_SYSTEM, *_SERVICES, *_MARKED), thorough=True),
        _Session("thorough-amounts", ("tests/unit", _PIXELS, *_DRAWN), niceness=5, thorough=True),
    ),
    "containers": (_Session("containers", ("-v", "-x", "tests/containers")),),
}


def main() -> int:
    """Run the sessions; return 0 when all tests of all passed."""
    if sys.argv[1:2] == ["some"]:
        return _some(sys.argv[2:]).run()
    which = sys.argv[1] if sys.argv[1:] else "all"
    shown, *beside = _SESSIONS[which]
    _STACKS.mkdir(exist_ok=True)
    sessions = (shown, *beside)
    for session in sessions:
        shutil.rmtree(session.cache, ignore_errors=True)  # else an older failure would count
    statuses = _run(shown, beside)
    for session in beside:
        sys.stdout.write(session.log.read_text(encoding="utf-8", errors="replace"))
    if which not in ("check", "containers"):  # whose tests need no stack, or follow each other
        statuses = [_again(*each) for each in zip(sessions, statuses, strict=True)]
    passed = not any(statuses)
    _say("All tests passed." if passed else "Some tests failed: see above.")
    return 0 if passed else 1


def _again(session: _Session, status: int) -> int:
    """Run the tests of a session that failed again, alone; return the exit status."""
    if status != _TESTS_FAILED:
        return status
    failed = ", ".join(session.failed_tests())
    _say(f"Running again, alone, what failed: {failed}.")
    status = session.run("--last-failed", "--last-failed-no-failures=none")
    if status == 0:
        _say(f"Passed only when run alone, and needs to be mended: {failed}.")
    return status


def _some(arguments: list[str]) -> _Session:
    """Tests that are named, on the stack that `make test-stack` keeps while there is one."""
    kept = supervisor_pid(_STACKS / "test-stack") is not None
    thorough = any("thorough" in argument for argument in arguments)
    return _Session("test-stack" if kept else "test", tuple(arguments), thorough=thorough)


def _run(shown: _Session, beside: list[_Session]) -> list[int]:
    """Return the exit statuses."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        first = pool.submit(shown.run)
        others = [pool.submit(session.run_aside) for session in beside]
        try:
            statuses = [first.result()]
            if beside:
                names = ", ".join(str(session.log.relative_to(_PROJECT)) for session in beside)
                _say(f"Waiting for the other tests, which write to {names} …")
            return [*statuses, *(each.result() for each in others)]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _say(sentence: str) -> None:
    sys.stdout.write(f"\n{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
