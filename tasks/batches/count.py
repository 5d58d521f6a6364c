"""Counts the jobs of batches by state."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.contract.states import JobState
from infra.db.models.jobs import Job

Counts = Mapping[JobState, int]
"""How many jobs are in each state; every state is there."""


def count_jobs(session: Session, batch_ids: Collection[UUID]) -> Mapping[UUID, Counts]:
    """Return the counts of each batch."""
    counts = {batch_id: dict.fromkeys(JobState, 0) for batch_id in batch_ids}
    statement = (
        select(Job.batch_id, Job.state, func.count())
        .where(Job.batch_id.in_(batch_ids))
        .group_by(Job.batch_id, Job.state)
    )
    for batch_id, state, count in session.execute(statement).tuples():
        if batch_id is not None:
            counts[batch_id][state] = count
    return counts
