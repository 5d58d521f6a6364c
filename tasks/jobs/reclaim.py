"""Use case: bring back jobs whose worker is gone and whose message does not come back.

Usually the broker delivers such a job again. This is for runs that had no delivery, and for
messages that were lost.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from tasks.jobs.state_changes import end_cancelled, return_to_queue


def reclaim_lost(database: Database, *, grace_seconds: float) -> tuple[UUID, ...]:
    """Queue running jobs whose lease ended longer ago than the grace; return their ids.

    Their attempts stay counted. A job that is to be cancelled is cancelled instead; its
    id is returned too.
    """
    lost = _lost(grace_seconds)
    with database.transaction() as session:
        ids = session.scalars(select(Job.id).where(lost).order_by(Job.id)).all()
    return tuple(job_id for job_id in ids if _reclaim(database, job_id, lost))


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


def _lost(grace_seconds: float) -> ColumnElement[bool]:
    silent_since = func.now() - timedelta(seconds=grace_seconds)
    return and_(Job.state == JobState.RUNNING, Job.lease_expires_at < silent_since)


def _reclaim(database: Database, job_id: UUID, lost: ColumnElement[bool]) -> bool:
    """One job, one transaction: no row is waited for while another is held."""
    mine = select(Job).where(Job.id == job_id, lost).with_for_update(skip_locked=True)
    with database.transaction() as session:
        job = session.scalars(mine).first()
        if job is None:
            return False
        if job.cancel_requested_at is not None:
            end_cancelled(session, job)
        else:
            return_to_queue(session, job)
            job.dispatched_at = None
        return True
