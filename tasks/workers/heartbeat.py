"""Use case: know which worker processes live, by what they say of themselves."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from infra.contract.states import WaitReason
from infra.db.engine import Database
from infra.db.models.jobs import Worker

ALIVE_WITHIN_SECONDS = 30.0
"""Who was silent for longer counts as dead: some multiple of the pause between two reports."""

_FORGOTTEN_AFTER = timedelta(days=1)


def send_heartbeat(database: Database, owner: str, *, waits_for: WaitReason | None = None) -> None:
    """Say that this worker lives, and why it takes no work now, if it does not.

    Forgets the workers that were silent for a day.
    """
    now = {"seen_at": func.now(), "waits_for": waits_for}
    seen = insert(Worker).values(owner=owner, **now)
    with database.transaction() as session:
        session.execute(seen.on_conflict_do_update(index_elements=[Worker.owner], set_=now))
        session.execute(delete(Worker).where(Worker.seen_at < func.now() - _FORGOTTEN_AFTER))


def live_workers(database: Database, within_seconds: float) -> frozenset[str]:
    """Return the workers that were heard of within that time."""
    since = func.now() - timedelta(seconds=within_seconds)
    with database.transaction() as session:
        return frozenset(session.scalars(select(Worker.owner).where(Worker.seen_at >= since)))


def silent_since() -> ColumnElement[datetime]:
    """Return, for a query, the moment after which a living worker was heard of."""
    return func.now() - timedelta(seconds=ALIVE_WITHIN_SECONDS)
