"""Use case: keep a claimed job, or give it back.

Every statement is guarded by the fencing token: a process that slept past its lease and lost
the job changes nothing.
"""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from infra.db.engine import Database
from infra.db.models import Job
from infra.settings import JobSettings
from infra.states import JobState
from tasks.claim import Claim
from tasks.transition import return_to_queue


def held(claim: Claim) -> ColumnElement[bool]:
    """Return the condition that the job is still ours."""
    return and_(
        Job.id == claim.job_id,
        Job.state == JobState.RUNNING,
        Job.fencing_token == claim.fencing_token,
    )


def renew(database: Database, claims: Collection[Claim], settings: JobSettings) -> frozenset[UUID]:
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


def cancel_requests(database: Database, claims: Collection[Claim]) -> frozenset[UUID]:
    """Return the ids of those of the still held jobs that somebody wants cancelled."""
    if not claims:
        return frozenset()
    mine = or_(*(held(claim) for claim in claims))
    with database.transaction() as session:
        wanted = select(Job.id).where(mine, Job.cancel_requested_at.is_not(None))
        return frozenset(session.scalars(wanted))


def give_back(database: Database, claim: Claim, *, counts: bool, republish: bool = False) -> bool:
    """Return an unfinished job to the queue; return whether it was still ours.

    `counts` says whether the attempt speaks against the job: an outage of our own parts or a
    shutdown does not. The caller requeues the job's delivery; without one, `republish` has the
    dispatcher send another.
    """
    with database.transaction() as session:
        job = session.scalars(select(Job).where(held(claim)).with_for_update()).first()
        if job is None:
            return False
        return_to_queue(session, job)
        if not counts:
            job.attempts -= 1
        if republish:
            job.dispatched_at = None
        return True
