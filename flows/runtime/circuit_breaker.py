"""The intake in front of new work: closed while a part that every job needs is away.

What was closed for a reason is opened for that reason. Each closing and each opening is said
once; a job that meets a closed intake goes back to its queue and costs no attempt. A failure that
proves nothing, like a time-out, closes nothing: it is kept here for `DependencyMonitor`, which
asks the part.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from time import monotonic

import structlog

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.states import WaitReason

log = structlog.get_logger(__name__)


_RELAPSE_SECONDS = 60.0
_MOST_FAILURES = 10
_HOLD_OFF_SECONDS = 1.5  # with a look every 2 s, a closed intake opens within 5 s


class PauseReason(StrEnum):
    """Why no new work is taken."""

    DATABASE = "PostgreSQL is away"
    STORE = "the object store is away"
    PREFECT = "Prefect is away"
    PAUSED = "paused in Prefect"
    UNREADABLE = "limits and pauses in Prefect cannot be read"
    UNDEPLOYED = "Prefect does not know our deployments yet"
    LEAVING = "the worker stops"


_PAUSE_REASONS: Mapping[str, PauseReason] = {
    ErrorCode.DATABASE_UNAVAILABLE: PauseReason.DATABASE,
    ErrorCode.STORE_UNAVAILABLE: PauseReason.STORE,
    ErrorCode.PREFECT_UNAVAILABLE: PauseReason.PREFECT,
}


_WAITS: Mapping[PauseReason, WaitReason] = {
    PauseReason.DATABASE: WaitReason.DATABASE,
    PauseReason.STORE: WaitReason.STORAGE,
    PauseReason.PREFECT: WaitReason.PREFECT,
    PauseReason.PAUSED: WaitReason.PAUSE,
    PauseReason.UNREADABLE: WaitReason.PREFECT,
    PauseReason.UNDEPLOYED: WaitReason.DEPLOYMENT,
    PauseReason.LEAVING: WaitReason.WORKER,
}


class CircuitBreaker:
    """Open unless there is a pause reason. Used only from the event loop."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """`pause` and `resume` stop and start the arrival of deliveries."""
        self._pause = pause
        self._resume = resume
        self._since: dict[PauseReason, float] = {}
        self._opened: dict[PauseReason, float] = {}
        self._hold_off: dict[PauseReason, float] = {}
        self._failures: dict[PauseReason, deque[tuple[float, str]]] = {}

    @property
    def is_admitting(self) -> bool:
        """Whether new work may be started."""
        return not self._since

    @property
    def reasons(self) -> tuple[PauseReason, ...]:
        """What stands in the way."""
        return tuple(self._since)

    @property
    def waits_for(self) -> WaitReason | None:
        """What a job waits for at this worker: its first pause reason; None when none."""
        return next((_WAITS[reason] for reason in self._since), None)

    def pause(self, reason: PauseReason, detail: str = "") -> None:
        """Take no new work for this reason."""
        if reason in self._since:
            return
        if reason is not PauseReason.LEAVING:
            log.warning("worker pauses", reason=str(reason), detail=detail)
        opened = self._opened.get(reason)
        is_relapse = opened is not None and monotonic() - opened <= _RELAPSE_SECONDS
        self._hold_off[reason] = _HOLD_OFF_SECONDS if is_relapse else 0
        was_admitting = self.is_admitting
        self._since[reason] = monotonic()
        if was_admitting:
            self._pause()

    def resume(self, reason: PauseReason) -> None:
        """The reason is gone; go on when there is no other."""
        since = self._since.pop(reason, None)
        if since is None:
            return
        self._opened[reason] = monotonic()
        log.info(
            "pause reason gone",
            reason=str(reason),
            after_seconds=round(monotonic() - since, 1),
            still=[str(other) for other in self._since],
        )
        if self.is_admitting:
            log.info("worker goes on")
            self._resume()

    def may_resume(self, reason: PauseReason) -> bool:
        """Whether it stood for long enough: one that comes back soon stands a little longer.

        A part may answer when asked and still fail at work, like a disk that is full.
        """
        since = self._since.get(reason)
        return since is not None and monotonic() - since >= self._hold_off[reason]

    def note(self, error: ServiceUnavailable) -> None:
        """Close for the part that the error names, or doubt it when that proves nothing."""
        reason = _PAUSE_REASONS.get(error.code)
        if reason is None:
            log.warning("part away", code=error.code, detail=error.detail)
        elif error.inconclusive:
            self.doubt(reason, error.detail)
        else:
            self.pause(reason, error.detail)

    def doubt(self, reason: PauseReason, detail: str = "") -> None:
        """Count a call that failed and proves nothing."""
        failures = self._failures.setdefault(reason, deque(maxlen=_MOST_FAILURES))
        failures.append((monotonic(), detail))

    def failures(self, reason: PauseReason, since: float) -> Sequence[str]:
        """Return what was said of calls to a part that failed after this monotonic time."""
        failures = self._failures.get(reason, ())
        return [detail for failed_at, detail in failures if failed_at > since]
