"""Use case: let a claimed job wait for its time without holding a worker.

A supplier that asks for patience gets it: the dispatcher publishes the job again when due. The
attempt stays counted, so that a supplier who always says "later" comes to an end. It is not
counted when no request was sent, because the supplier's host was at its limit.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.db.engine import Database
from infra.db.models.jobs import Job
from tasks.jobs.claim import Claim
from tasks.jobs.lease import return_to_queue
from tasks.jobs.write_results import locked, write_results
from tasks.steps.results import ImageResult


def park(
    database: Database,
    claim: Claim,
    results: Sequence[ImageResult],
    *,
    seconds: float,
    counts: bool = True,
) -> datetime:
    """Write the results that exist and queue the rest for later; return when it is due.

    `counts` says whether the attempt speaks against the job. A job that is to be cancelled
    is due at once: the next claim ends it. Raises `LostClaim` when another attempt owns the job
    now: then nothing is written.
    """
    with database.transaction() as session:
        job = locked(session, claim)
        write_results(session, claim, results)
        return queue_for_later(session, job, seconds=seconds, counts=counts)


def queue_for_later(session: Session, job: Job, *, seconds: float, counts: bool) -> datetime:
    """Queue what is left of a job that the caller has locked; return when it is due."""
    return_to_queue(session, job)
    if not counts:
        job.attempts -= 1
    now = session.scalars(select(func.now())).one()
    wait = timedelta(seconds=0 if job.cancel_requested_at is not None else seconds)
    job.not_before = now + wait
    job.dispatched_at = None
    return job.not_before
