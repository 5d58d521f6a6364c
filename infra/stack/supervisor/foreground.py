"""A supervisor's main loop: start, say so, wait for a signal or a failure, stop in order."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from infra.settings.sections import StackSettings
from infra.stack.stack import Stack
from infra.stack.supervisor.errors import AlreadyRunning, Interrupted, StackError
from infra.stack.supervisor.part import PartState, Progress, Report
from infra.stack.supervisor.progress import FILE_NAME, WHOLE, into_file

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(settings: StackSettings, report: Report) -> int:
    """Run a stack until a signal comes; return the exit code (1: it could not go on).

    Raises `AlreadyRunning` when another supervisor holds the stack directory.
    """
    stack = Stack(settings, into_file(settings.stack_directory / FILE_NAME, report))
    begun = time.monotonic()
    with _signals_call(stack.interrupt):
        try:
            with stack:
                stack.tell(Progress(WHOLE, PartState.READY, time.monotonic() - begun))
                failure = stack.wait()
        except AlreadyRunning:
            raise
        except Interrupted:
            failure = None
        except StackError as exc:
            failure = exc
        if failure is not None:
            stack.tell(Progress(WHOLE, PartState.FAILED, detail=str(failure)))
            return 1
        stack.tell(Progress(WHOLE, PartState.STOPPED))
        return 0


@contextmanager
def _signals_call(action: Callable[[], None]) -> Iterator[None]:
    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        action()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
