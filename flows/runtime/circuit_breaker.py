"""The gate in front of new work: closed while a part that every job needs is away.

What was closed for a reason is opened for that reason. Each closing and each opening is said
once; a job that meets a closed gate goes back to its queue and costs no attempt. A failure that
proves nothing, like a time-out, closes nothing: it is kept here for `Health`, which asks the part.
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
_HOLD_OFF_SECONDS = 1.5  # with a look every 2 s, a closed gate opens within 5 s


class Obstacle(StrEnum):
    """Why no new work is taken."""

    DATABASE = "PostgreSQL is away"
    STORE = "the object store is away"
    PREFECT = "Prefect is away"
    PAUSED = "paused in Prefect"
    UNREADABLE = "limits and pauses in Prefect cannot be read"
    UNDEPLOYED = "Prefect does not know our deployments yet"
    LEAVING = "the worker stops"


_OBSTACLES: Mapping[str, Obstacle] = {
    ErrorCode.DATABASE_UNAVAILABLE: Obstacle.DATABASE,
    ErrorCode.STORE_UNAVAILABLE: Obstacle.STORE,
    ErrorCode.PREFECT_UNAVAILABLE: Obstacle.PREFECT,
}


_WAITS: Mapping[Obstacle, WaitReason] = {
    Obstacle.DATABASE: WaitReason.DATABASE,
    Obstacle.STORE: WaitReason.STORAGE,
    Obstacle.PREFECT: WaitReason.PREFECT,
    Obstacle.PAUSED: WaitReason.PAUSE,
    Obstacle.UNREADABLE: WaitReason.PREFECT,
    Obstacle.UNDEPLOYED: WaitReason.DEPLOYMENT,
    Obstacle.LEAVING: WaitReason.WORKER,
}


class Gate:
    """Open unless there is an obstacle. Used only from the event loop."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """`pause` and `resume` stop and start the arrival of deliveries."""
        self._pause = pause
        self._resume = resume
        self._since: dict[Obstacle, float] = {}
        self._opened: dict[Obstacle, float] = {}
        self._hold_off: dict[Obstacle, float] = {}
        self._failures: dict[Obstacle, deque[tuple[float, str]]] = {}

    @property
    def is_open(self) -> bool:
        """Whether new work may be started."""
        return not self._since

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """What stands in the way."""
        return tuple(self._since)

    @property
    def waits_for(self) -> WaitReason | None:
        """What a job would wait for at this worker: the obstacle that came first; None if open."""
        return next((_WAITS[obstacle] for obstacle in self._since), None)

    def close(self, obstacle: Obstacle, detail: str = "") -> None:
        """Take no new work for this reason."""
        if obstacle in self._since:
            return
        if obstacle is not Obstacle.LEAVING:
            log.warning("worker pauses", reason=str(obstacle), detail=detail)
        self._hold_off[obstacle] = self._next_hold_off(obstacle)
        was_open = self.is_open
        self._since[obstacle] = monotonic()
        if was_open:
            self._pause()

    def open(self, obstacle: Obstacle) -> None:
        """The reason is gone; go on when there is no other."""
        since = self._since.pop(obstacle, None)
        if since is None:
            return
        self._opened[obstacle] = monotonic()
        log.info(
            "obstacle gone",
            reason=str(obstacle),
            after_seconds=round(monotonic() - since, 1),
            still=[str(other) for other in self._since],
        )
        if self.is_open:
            log.info("worker goes on")
            self._resume()

    def may_open(self, obstacle: Obstacle) -> bool:
        """Whether it stood for long enough: one that comes back soon stands a little longer.

        A part may answer when asked and still fail at work, like a disk that is full.
        """
        since = self._since.get(obstacle)
        return since is not None and monotonic() - since >= self._hold_off[obstacle]

    def _next_hold_off(self, obstacle: Obstacle) -> float:
        opened = self._opened.get(obstacle)
        is_relapse = opened is not None and monotonic() - opened <= _RELAPSE_SECONDS
        return _HOLD_OFF_SECONDS if is_relapse else 0

    def note(self, error: ServiceUnavailable) -> None:
        """Close for the part that the error names, or doubt it when that proves nothing."""
        obstacle = _OBSTACLES.get(error.code)
        if obstacle is None:
            log.warning("part away", code=error.code, detail=error.detail)
        elif error.inconclusive:
            self.doubt(obstacle, error.detail)
        else:
            self.close(obstacle, error.detail)

    def doubt(self, obstacle: Obstacle, detail: str = "") -> None:
        """Count a call that failed and proves nothing."""
        failures = self._failures.setdefault(obstacle, deque(maxlen=_MOST_FAILURES))
        failures.append((monotonic(), detail))

    def failures(self, obstacle: Obstacle, since: float) -> Sequence[str]:
        """Return what was said of calls to a part that failed after this monotonic time."""
        failures = self._failures.get(obstacle, ())
        return [detail for failed_at, detail in failures if failed_at > since]
