"""Progress as a file: the supervisor writes lines, whoever started it in the background reads.

Also knows how a line of progress reads on a terminal without colours.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO

from infra.stack.private_files import open_private, private_directory
from infra.stack.supervisor.part import PartState, Progress, Report

FILE_NAME = "progress.jsonl"
WHOLE = "stack"  # the part that stands for all of them together


def describe(progress: Progress) -> str:
    """Return one line: part, state, seconds, detail."""
    seconds = f"{progress.seconds:.1f} s" if progress.seconds is not None else ""
    columns = f"{progress.part:<10} {progress.state:<8} {seconds:>7}"
    return f"{columns}  {progress.detail}".rstrip()


def into_file(path: Path, report: Report) -> Report:
    """Return a report that also writes each progress to a new file."""
    private_directory(path.parent)
    open_private(path, "w").close()

    def write(progress: Progress) -> None:
        with path.open("a") as file:
            file.write(json.dumps(asdict(progress)) + "\n")
        report(progress)

    return write


def new_lines(file: IO[str]) -> Iterator[Progress]:
    """Yield what was written since the last look."""
    while True:
        position = file.tell()
        line = file.readline()
        if not line.endswith("\n"):
            file.seek(position)  # half a line: the rest comes later
            return
        fields = json.loads(line)
        fields["state"] = PartState(fields["state"])
        fields["lines"] = tuple(fields["lines"])
        yield Progress(**fields)
