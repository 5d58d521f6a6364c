"""Use case: know which worker processes live, by what they say of themselves."""

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from infra.db.engine import Database
from infra.db.models import Worker

_FORGOTTEN_AFTER = timedelta(days=1)


def report_presence(database: Database, owner: str) -> None:
    """Say that this worker lives; forget those that were silent for a day."""
    seen = insert(Worker).values(owner=owner)
    with database.transaction() as session:
        session.execute(
            seen.on_conflict_do_update(index_elements=[Worker.owner], set_={"seen_at": func.now()})
        )
        session.execute(delete(Worker).where(Worker.seen_at < func.now() - _FORGOTTEN_AFTER))


def present_workers(database: Database, within_seconds: float) -> frozenset[str]:
    """Return the workers that were heard of within that time."""
    since = func.now() - timedelta(seconds=within_seconds)
    with database.transaction() as session:
        return frozenset(session.scalars(select(Worker.owner).where(Worker.seen_at >= since)))
