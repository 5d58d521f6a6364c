"""The gate in front of new work: closed while a part that every job needs is away.

What was closed for a reason is opened for that reason. Each closing and each opening is said
once; a job that meets a closed gate goes back to its queue and costs no attempt.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from time import monotonic

import structlog

from infra.errors import ErrorCode, ServiceUnavailable

log = structlog.get_logger(__name__)


_RELAPSE_SECONDS = 60.0
_FIRST_HOLD_OFF_SECONDS = 2.0


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


class Gate:
    """Open unless there is an obstacle. Used only from the event loop."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        """`pause` and `resume` stop and start the arrival of deliveries."""
        self._pause = pause
        self._resume = resume
        self._since: dict[Obstacle, float] = {}
        self._opened: dict[Obstacle, float] = {}
        self._hold_off: dict[Obstacle, float] = {}

    @property
    def is_open(self) -> bool:
        """Whether new work may be started."""
        return not self._since

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """What stands in the way."""
        return tuple(self._since)

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
        """Whether it stood for long enough: one that comes back at once stands longer each time.

        A part may answer when asked and still fail at work, like a disk that is full.
        """
        since = self._since.get(obstacle)
        return since is not None and monotonic() - since >= self._hold_off[obstacle]

    def _next_hold_off(self, obstacle: Obstacle) -> float:
        opened = self._opened.get(obstacle)
        if opened is None or monotonic() - opened > _RELAPSE_SECONDS:
            return 0
        doubled = 2 * self._hold_off[obstacle]
        return min(max(doubled, _FIRST_HOLD_OFF_SECONDS), _RELAPSE_SECONDS)

    def note(self, error: ServiceUnavailable) -> None:
        """Close for the part that the error names; it opens when that part answers again."""
        obstacle = _OBSTACLES.get(error.code)
        if obstacle is None:
            log.warning("part away", code=error.code, detail=error.detail)
            return
        self.close(obstacle, error.detail)
