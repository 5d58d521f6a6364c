"""Use case: keep a claimed job, or give it back.

Every statement is guarded by the fencing token: a process that slept past its lease and lost
the job changes nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, func, or_, select, update

from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from tasks.jobs.claim import Claim
from tasks.jobs.state_changes import return_to_queue

T = TypeVar("T")


def held(claim: Claim) -> ColumnElement[bool]:
    """Return the condition that the job is still ours."""
    return and_(
        Job.id == claim.job_id,
        Job.state == JobState.RUNNING,
        Job.fencing_token == claim.fencing_token,
    )


@dataclass(frozen=True, slots=True)
class Renewal(Generic[T]):
    """What became of leases; those that are in neither set are not ours any more."""

    renewed: frozenset[T]
    locked: frozenset[T]
    """Still ours, but another transaction is at the row: to be renewed a moment later."""


def renew(database: Database, claims: Collection[Claim], seconds: float) -> Renewal[Claim]:
    """Extend the leases, each for itself: a row that is locked delays no other."""
    by_id = {claim.job_id: claim for claim in claims}
    mine = or_(false(), *(held(claim) for claim in claims))
    free = select(Job.id).where(mine).with_for_update(skip_locked=True, key_share=True)
    until = func.now() + timedelta(seconds=seconds)
    with database.transaction() as session:
        renewed = set(
            session.scalars(
                update(Job).where(Job.id.in_(free)).values(lease_expires_at=until).returning(Job.id)
            )
        )
        locked = set(session.scalars(select(Job.id).where(mine))) - renewed
    return Renewal(
        renewed=frozenset(by_id[job_id] for job_id in renewed),
        locked=frozenset(by_id[job_id] for job_id in locked),
    )


def link_flow_run(database: Database, claim: Claim, flow_run_id: UUID) -> None:
    """Note which flow run shows the job."""
    with database.transaction() as session:
        session.execute(update(Job).where(held(claim)).values(flow_run_id=flow_run_id))


def cancel_requests(database: Database, claims: Collection[Claim]) -> frozenset[UUID]:
    """Return the ids of those of the still held jobs that are to be cancelled."""
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
