"""Reading the parts' logs: the last lines of each, and what is added to them."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from infra.stack.plan import LOG_FOLDER
from infra.stack.supervisor.errors import StackError
from infra.stack.supervisor.process import last_lines

_POLL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line and the part that wrote it."""

    part: str
    text: str


def log_files(stack_directory: Path, part: str | None) -> tuple[Path, ...]:
    """Return the log of one part, or all; raise `StackError` when there is none."""
    files = tuple(sorted((stack_directory / LOG_FOLDER).glob(f"{part or '*'}.log")))
    if not files:
        raise StackError(f"No log of {part or 'any part'} in {stack_directory / LOG_FOLDER}.")
    return files


def tail(files: tuple[Path, ...], count: int) -> Iterator[LogLine]:
    """Yield the last lines of each file."""
    for file in files:
        for text in last_lines(file, count):
            yield LogLine(file.stem, text)


def follow(files: tuple[Path, ...], count: int) -> Iterator[LogLine]:
    """Yield the last lines of each file, then whatever is added, for ever."""
    with ExitStack() as opened:
        streams = {f.stem: opened.enter_context(f.open(errors="replace")) for f in files}
        yield from tail(files, count)
        for stream in streams.values():
            stream.seek(0, 2)
        while True:
            for part, stream in streams.items():
                for text in stream:
                    yield LogLine(part, text.rstrip("\n"))
            time.sleep(_POLL_SECONDS)
