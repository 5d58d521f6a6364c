"""Use case: show batches, one with all about it or a page of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from infra.contract.states import BatchKind, BatchState
from infra.db.engine import Database
from infra.db.models.batches import Batch
from tasks.batches.count import Counts, count_jobs
from tasks.batches.settle import UNFINISHED


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows an imported file has, and how many of them were accepted or rejected."""

    total: int
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class BatchView:
    """The state of a batch; `total` counts its jobs, including those not planned yet.

    `progress` is the share of jobs that have ended, 0 to 1. `rows` is set for imports.
    """

    id: UUID
    kind: BatchKind
    state: BatchState
    name: str | None
    preset: str
    counts: Counts
    total: int
    planned: bool
    progress: float
    rows: RowCounts | None
    flow_run_id: UUID | None
    created_at: datetime
    finished_at: datetime | None
    options: dict[str, Any]
    cancel_requested: bool
    round: int


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """Which batches to list, newest first; `before` is the last id of the page before."""

    limit: int
    state: BatchState | None = None
    kind: BatchKind | None = None
    before: UUID | None = None


def read_batch(database: Database, batch_id: UUID) -> BatchView | None:
    """Return the batch, or None when there is none with this id."""
    with database.transaction() as session:
        batch = session.get(Batch, batch_id)
        return None if batch is None else _views(session, [batch])[0]


def list_batches(database: Database, wanted: BatchFilter) -> tuple[BatchView, ...]:
    """Return one page of batches, newest first."""
    statement = select(Batch).where(*_conditions(wanted)).order_by(Batch.id.desc())
    with database.transaction() as session:
        batches = session.scalars(statement.limit(wanted.limit)).all()
        return _views(session, batches)


def _conditions(wanted: BatchFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.state is not None:
        yield Batch.state == wanted.state
    if wanted.kind is not None:
        yield Batch.kind == wanted.kind
    if wanted.before is not None:
        yield Batch.id < wanted.before


def _views(session: Session, batches: Sequence[Batch]) -> tuple[BatchView, ...]:
    counts = count_jobs(session, [batch.id for batch in batches])
    return tuple(_view(batch, counts[batch.id]) for batch in batches)


def _view(batch: Batch, counts: Counts) -> BatchView:
    written, unfinished = sum(counts.values()), sum(counts[state] for state in UNFINISHED)
    planned = batch.planned_at is not None
    total = written if planned else max(written, batch.options.get("jobs") or 0)
    progress = (written - unfinished) / total if total else 0.0
    rows = batch.options.get("rows") if batch.kind is BatchKind.IMPORT else None
    return BatchView(
        id=batch.id,
        kind=batch.kind,
        state=batch.state,
        name=batch.name,
        preset=batch.preset,
        counts=counts,
        total=total,
        planned=planned,
        # What has ended is whole, also when a part was never planned.
        progress=progress if batch.finished_at is None else 1.0,
        rows=None if rows is None else RowCounts(**rows),
        flow_run_id=batch.flow_run_id,
        created_at=batch.created_at,
        finished_at=batch.finished_at,
        options=batch.options,
        cancel_requested=batch.cancel_requested_at is not None,
        round=batch.round,
    )
