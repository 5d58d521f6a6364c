"""Use case: bring back jobs and chunks whose worker is gone and whose message does not come back.

Usually the broker delivers such work again. This is for runs that had no delivery, and for
messages that were lost.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update

from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from tasks.jobs.lease import Row, return_to_queue
from tasks.jobs.state_changes import end_cancelled


def reclaim_lost(database: Database, table: type[Row], *, grace_seconds: float) -> tuple[UUID, ...]:
    """Queue running rows whose lease ended longer ago than the grace; return their ids.

    Their attempts stay counted. A job that is to be cancelled is cancelled instead; its id
    is returned too.
    """
    silent_since = func.now() - timedelta(seconds=grace_seconds)
    lost = and_(table.state == JobState.RUNNING, table.lease_expires_at < silent_since)
    with database.transaction() as session:
        ids = session.scalars(select(table.id).where(lost).order_by(table.id)).all()
    reclaimed = []
    for row_id in ids:
        mine = select(table).where(lost, table.id == row_id).with_for_update(skip_locked=True)
        with database.transaction() as session:  # one row: none is waited for while another is held
            row = session.scalars(mine).first()
            if row is None:
                continue
            if isinstance(row, Job) and row.cancel_requested_at is not None:
                end_cancelled(session, row)
            else:
                return_to_queue(session, row)
                row.dispatched_at = None
        reclaimed.append(row_id)
    return tuple(reclaimed)


def republish(database: Database, job_ids: Collection[UUID]) -> int:
    """Have those of these jobs published again that are queued and not parked; return how many."""
    if not job_ids:
        return 0
    due = or_(Job.not_before.is_(None), Job.not_before <= func.now())
    with database.transaction() as session:
        found = session.scalars(
            update(Job)
            .where(Job.id.in_(job_ids), Job.state == JobState.QUEUED, due)
            .values(dispatched_at=None)
            .returning(Job.id)
        )
        return len(found.all())
