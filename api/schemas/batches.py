"""What callers get of imports and batches, in the shapes of the HTTP contract."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from infra.contract.states import BatchKind, BatchState
from tasks.batches.read import BatchView
from tasks.imports.spool import Preview, Tally


class RowError(BaseModel):
    """An error of a row; `line` is where the row begins, counted from 1."""

    line: int
    column: str | None = Field(description="the column's name in the file; null for the whole row")
    code: str
    detail: str


class ReadColumn(BaseModel):
    """A column of a file, and the field that it fills."""

    column: str
    field: str


class ReadFile(BaseModel):
    """What a file turned out to be, and how it was read."""

    format: str = Field(description="csv, ndjson, xlsx, feed or zip")
    encoding: str | None = Field(description="of a text; null otherwise")
    delimiter: str | None = Field(description="of a CSV file; null otherwise")
    sheet: str | None = Field(description="the sheet of a workbook; null otherwise")
    pattern: str | None = Field(
        description="of the names of pictures in an archive; null otherwise"
    )
    profile: str | None = Field(description="whose columns they are; null for our own")
    columns: list[ReadColumn] = Field(description="the columns that were read")
    ignored_columns: list[str] = Field(description="the first 200 that were not read")
    warnings: list[str] = Field(description="sentences about what may not be as it was meant")


class PreviewImage(BaseModel):
    """An image of a product in a preview."""

    url: str
    alt: str | None = None
    file: str | None = Field(None, description="the name of a picture in an archive")


class PreviewProduct(BaseModel):
    """A product as the file describes it; `line` is where its first row begins."""

    line: int
    sku: str
    fields: dict[str, Any] = Field(description="what the file says of the product itself")
    images: list[PreviewImage]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewProduct":
        """Show a product."""
        content = preview.content
        images = [PreviewImage.model_validate(image) for image in content["images"]]
        return cls(line=preview.line, sku=preview.sku, fields=content["fields"], images=images)


class CheckedImport(BaseModel):
    """The answer to a dry run: what a file is, its counts and errors, and its first products."""

    acceptable: bool = Field(description="whether this policy accepts the file")
    rows: int
    accepted: int = Field(description="rows without errors")
    rejected: int = Field(description="rows with errors")
    products: int = Field(description="what the accepted rows are about; rows of one sku are one")
    errors: list[RowError] = Field(description="the first 100")
    read: ReadFile
    preview: list[PreviewProduct] = Field(description="the first 5, as they would be written")


class AcceptedImport(BaseModel):
    """The batch of an imported file."""

    batch_id: UUID
    rows: int
    accepted: int
    rejected: int
    products: int
    errors: list[RowError] = Field(description="the first 100; the report has all")
    read: ReadFile
    status_url: str


def counted(tally: Tally) -> dict[str, Any]:
    """Return the members that tell what a file holds."""
    return {
        "rows": tally.rows,
        "accepted": tally.accepted,
        "rejected": tally.rejected,
        "products": tally.products,
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
