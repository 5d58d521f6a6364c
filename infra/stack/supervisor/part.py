"""The words of the supervisor: what a part is, what may happen to it, what is told about it.

A part is described here and started elsewhere; nothing in this module knows a real program.
"""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class PartState(StrEnum):
    """Where a part is."""

    WAITING = "waiting"  # for the parts that it needs
    STARTING = "starting"
    READY = "ready"
    DONE = "done"  # a part that runs once has ended well
    DIED = "died"  # by itself; it is started again after a pause
    STOPPED = "stopped"  # on request
    FAILED = "failed"  # given up
    USED = "used"  # runs elsewhere, its URL is configured


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing worth a line: a part changed its state.

    `seconds` is how long the change took; `lines` are the last ones of the log of a dead part.
    """

    part: str
    state: PartState
    seconds: float | None = None
    detail: str = ""
    lines: tuple[str, ...] = ()


Report = Callable[[Progress], None]


def always() -> bool:
    """Probe of a part that is ready as soon as it runs."""
    return True


def nothing() -> None:
    """Do nothing: the default for a part without preparation."""


@dataclass(frozen=True, slots=True)
class Part:
    """How one process of the stack is started, probed and stopped.

    `prepare` runs before every start, `settle` after the probe says yes and before the parts
    that need this one start. Parts of one `wave` stop together, higher waves first.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path | None = None
    uid: int | None = None
    gid: int | None = None
    port: int | None = None
    needs: tuple[str, ...] = ()
    prepare: Callable[[], None] = nothing
    probe: Callable[[], bool] = always
    settle: Callable[[], None] = nothing
    clean: Callable[[], None] = nothing
    once: bool = False
    wave: int = 0
    start_seconds: float = 60
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10
