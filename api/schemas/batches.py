"""What callers get of imports and batches, in the shapes of the HTTP contract."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from infra.contract.states import BatchKind, BatchState
from tasks.batches.read import BatchView
from tasks.imports.spool import Tally


class RowError(BaseModel):
    """An error of a row; `line` is where the row begins, counted from 1."""

    line: int
    column: str | None = Field(description="the column's name in the file; null for the whole row")
    code: str
    detail: str


class CheckedImport(BaseModel):
    """The answer to a dry run: the counts and errors of a file."""

    acceptable: bool = Field(description="whether this policy accepts the file")
    rows: int
    accepted: int = Field(description="rows without errors")
    rejected: int = Field(description="rows with errors")
    errors: list[RowError] = Field(description="the first 100")


class AcceptedImport(BaseModel):
    """The batch of an imported file."""

    batch_id: UUID
    rows: int
    accepted: int
    rejected: int
    errors: list[RowError] = Field(description="the first 100; the report has all")
    status_url: str


def counted(tally: Tally) -> dict[str, Any]:
    """Return the members that tell what a file holds."""
    return {
        "rows": tally.rows,
        "accepted": tally.accepted,
        "rejected": tally.rejected,
        "errors": [
            RowError.model_validate(problem, from_attributes=True) for problem in tally.problems
        ],
    }


class Counts(BaseModel):
    """How many jobs of a batch are in each state."""

    queued: int
    running: int
    ready: int
    partial: int
    failed: int
    cancelled: int


class Rows(BaseModel):
    """How many rows an imported file has, and how many of them were accepted or rejected."""

    total: int
    accepted: int
    rejected: int


class Links(BaseModel):
    """Related addresses of a batch."""

    self: str
    report: str


class Batch(BaseModel):
    """Many jobs of one request."""

    id: UUID
    kind: BatchKind
    state: BatchState
    name: str | None
    preset: str
    counts: Counts
    total: int = Field(description="all jobs, including those not created yet")
    planned: bool = Field(description="whether all jobs are created")
    progress: float = Field(ge=0, le=1, description="the share of jobs that have ended")
    rows: Rows | None = Field(description="of an import; null otherwise")
    cancel_requested: bool
    round: int = Field(description="how often the batch was retried")
    flow_run_id: UUID | None
    options: dict[str, Any] = Field(description="the options of the request")
    created_at: datetime
    finished_at: datetime | None
    links: Links

    @classmethod
    def of(cls, batch: BatchView) -> "Batch":
        """Show a batch."""
        own = set(cls.model_fields) - {"counts", "rows", "links"}
        rows, here = batch.rows, f"/batches/{batch.id}"
        return cls(
            **{name: getattr(batch, name) for name in own},
            rows=None if rows is None else Rows.model_validate(rows, from_attributes=True),
            counts=Counts(**{state.value: count for state, count in batch.counts.items()}),
            links=Links(self=here, report=f"{here}/report.csv"),
        )


class BatchPage(BaseModel):
    """One page of batches, newest first; `next` leads to the following one."""

    batches: list[Batch]
    next: str | None
