"""The supervisor as a process of its own, for a stack in the background.

Everything comes from the environment; progress goes to a file and, for people, to the log.
"""

import sys

from infra.settings.sections import SettingsError, StackSettings
from infra.stack.supervisor.errors import StackError
from infra.stack.supervisor.foreground import run
from infra.stack.supervisor.part import Progress
from infra.stack.supervisor.progress import describe


def main() -> int:
    """Run the stack that the environment describes; return the exit code."""
    try:
        return run(StackSettings.load(), _report)
    except (StackError, SettingsError) as exc:
        _write(str(exc))
        return 1


def _report(progress: Progress) -> None:
    _write(describe(progress))
    for line in progress.lines:
        _write(f"    {line}")


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
