"""How many jobs may wait: new ones are refused, and batches wait, while a lane is full."""

from time import monotonic

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, QueueFull
from infra.contract.states import JobState, Lane
from infra.db.models.jobs import Job

_LOOK_SECONDS = 1.0
RETRY_AFTER_SECONDS = 10.0


class QueueBound:
    """Knows whether a lane has room for one more queued job.

    PostgreSQL is asked once a second at most, so that posting a job costs the same whatever waits:
    a lane may pass its bound by what is posted in that second. One for each process; thread-safe,
    because what its threads share is replaced whole.
    """

    def __init__(self, most: int) -> None:
        """`most`: queued jobs of one lane; 0 means no bound."""
        self._most = most
        self._seen: dict[Lane, tuple[float, bool]] = {}

    def has_room(self, session: Session, lane: Lane) -> bool:
        """Whether the lane has room, as of a second ago at most."""
        if not self._most:
            return True
        looked_at, has_room = self._seen.get(lane, (float("-inf"), False))
        if monotonic() - looked_at >= _LOOK_SECONDS:
            queued = select(literal(1)).where(Job.state == JobState.QUEUED, Job.lane == lane)
            # Count up to the bound and no further.
            counted = select(func.count()).select_from(queued.limit(self._most).subquery())
            has_room = session.scalars(counted).one() < self._most
            self._seen[lane] = (monotonic(), has_room)
        return has_room

    def require_room(self, session: Session, lane: Lane) -> None:
        """Raise `QueueFull`, with a time to come back, when the lane is full."""
        if not self.has_room(session, lane):
            raise QueueFull(
                ErrorCode.QUEUE_FULL,
                f"{self._most} jobs wait already. Send the request again later; nothing of it "
                "was accepted.",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
