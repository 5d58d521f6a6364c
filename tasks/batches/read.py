"""Use case: tell where a batch is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from infra.db.batches import Batch
from infra.db.engine import Database
from infra.db.models import Job
from infra.states import BatchKind, BatchState, JobState


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch as people see it; `counts` has a number for each state of a job."""

    id: UUID
    kind: BatchKind
    state: BatchState
    name: str | None
    preset: str
    counts: Mapping[JobState, int]
    total: int
    planned: bool
    progress: float
    flow_run_id: UUID | None
    created_at: datetime
    finished_at: datetime | None
    options: Mapping[str, Any]


def read_batch(database: Database, batch_id: UUID) -> BatchView | None:
    """Return the batch, or None when there is none with this id."""
    with database.transaction() as session:
        batch = session.get(Batch, batch_id)
        return None if batch is None else _view(batch, job_counts(session, batch_id))


def job_counts(session: Session, batch_id: UUID) -> dict[JobState, int]:
    """Return how many jobs of the batch are in each state."""
    counting = select(Job.state, func.count()).where(Job.batch_id == batch_id).group_by(Job.state)
    found = dict(session.execute(counting).tuples().all())
    return {state: found.get(state, 0) for state in JobState}


def _view(batch: Batch, counts: dict[JobState, int]) -> BatchView:
    total = sum(counts.values())
    final = sum(number for state, number in counts.items() if state.is_final)
    return BatchView(
        id=batch.id,
        kind=batch.kind,
        state=batch.state,
        name=batch.name,
        preset=batch.preset,
        counts=counts,
        total=total,
        planned=batch.planned_at is not None,
        progress=final / total if total else float(batch.planned_at is not None),
        flow_run_id=batch.flow_run_id,
        created_at=batch.created_at,
        finished_at=batch.finished_at,
        options=batch.options,
    )
