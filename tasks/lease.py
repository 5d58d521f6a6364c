"""Use case: keep a claimed job, or give it back.

Every statement is guarded by the fencing token: a process that slept past its lease and lost
the job changes nothing.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, update

from infra.db.engine import Database
from infra.db.models import Job
from infra.settings import WorkerSettings
from infra.states import JobState
from tasks.claim import Claim


def held(claim: Claim) -> ColumnElement[bool]:
    """Return the condition that the job is still ours."""
    return and_(
        Job.id == claim.job_id,
        Job.state == JobState.RUNNING,
        Job.fencing_token == claim.fencing_token,
    )


def renew(
    database: Database, claims: Collection[Claim], settings: WorkerSettings
) -> frozenset[UUID]:
    """Extend the leases; return the ids of the jobs that are still ours."""
    if not claims:
        return frozenset()
    mine = or_(*(held(claim) for claim in claims))
    with database.transaction() as session:
        rows = session.scalars(
            update(Job)
            .where(mine)
            .values(lease_expires_at=func.now() + timedelta(seconds=settings.lease_seconds))
            .returning(Job.id)
        )
        return frozenset(rows)


def link_flow_run(database: Database, claim: Claim, flow_run_id: UUID) -> None:
    """Note which flow run shows the job."""
    with database.transaction() as session:
        session.execute(update(Job).where(held(claim)).values(flow_run_id=flow_run_id))


def give_back(database: Database, claim: Claim, *, counts: bool) -> bool:
    """Return an unfinished job to the queue; the caller requeues its delivery.

    `counts` says whether the attempt speaks against the job: an outage of our own parts or a
    shutdown does not. Returns whether the job was still ours.
    """
    with database.transaction() as session:
        returned = session.scalars(
            update(Job)
            .where(held(claim))
            .values(
                state=JobState.QUEUED,
                attempts=Job.attempts - (0 if counts else 1),
                lease_owner=None,
                lease_expires_at=None,
            )
            .returning(Job.id)
        )
        return returned.first() is not None
