"""The tables of bulk work: batches of jobs, and the chunks they travel in.

A batch is planned first: its jobs are written slice by slice, so that an interrupted plan goes
on where it was. Planned jobs are packed into chunks; a worker runs a chunk as one flow run.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.contract.states import BatchKind, BatchState, ChunkState
from infra.db.table import Created, Id, Metadata, Moment, Table, word
from infra.request_id import MAX_CHARACTERS, current_request_id


class Batch(Table):
    """Many jobs of one request.

    `name` is what people read: the file or the selection. `options` say what was asked for;
    their form depends on the kind. `plan_cursor` is how far the plan has come, `planned_at` when
    it was complete. `round` counts how often a person had failed jobs done again. `lease_owner`
    is the worker whose coordinator watches over the batch, in the run `flow_run_id`. `request_id`
    names the request that asked for it, which its jobs inherit.
    """

    __tablename__ = "batches"
    __table_args__ = (
        CheckConstraint("(state = 'running') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("(lease_owner IS NULL) = (lease_expires_at IS NULL)", name="lease"),
        Index("ix_batches_running", "created_at", postgresql_where="state = 'running'"),
    )

    id: Mapped[Id]
    kind: Mapped[BatchKind] = mapped_column(word(BatchKind, "kind"))
    state: Mapped[BatchState] = mapped_column(word(BatchState, "state"))
    preset: Mapped[str] = mapped_column(String(60))
    name: Mapped[str | None] = mapped_column(Text)
    options: Mapped[Metadata]
    callback_url: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(
        String(MAX_CHARACTERS), default=current_request_id
    )
    round: Mapped[int] = mapped_column(server_default="0")
    plan_cursor: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    planned_at: Mapped[Moment | None]
    cancel_requested_at: Mapped[Moment | None]
    lease_owner: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[Moment | None]
    flow_run_id: Mapped[UUID | None] = mapped_column(index=True)
    created_at: Mapped[Created]
    finished_at: Mapped[Moment | None]


class Chunk(Table):
    """Jobs of one batch that a worker runs as one flow run; they name it in `jobs.chunk_id`.

    `jobs` and `images` are how many were packed. Claims are as those of jobs: a lease, and a
    fencing token that rises with each claim.
    """

    __tablename__ = "chunks"
    __table_args__ = (
        CheckConstraint("(state = 'running') = (lease_expires_at IS NOT NULL)", name="lease"),
        CheckConstraint("(state = 'running') = (lease_owner IS NOT NULL)", name="owner"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished"),
        Index(
            "ix_chunks_undispatched",
            "created_at",
            postgresql_where="state = 'queued' AND dispatched_at IS NULL",
        ),
        Index("ix_chunks_leases", "lease_expires_at", postgresql_where="state = 'running'"),
    )

    id: Mapped[Id]
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    state: Mapped[ChunkState] = mapped_column(word(ChunkState, "state"))
    jobs: Mapped[int]
    images: Mapped[int]
    fencing_token: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    lease_owner: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[Moment | None]
    dispatched_at: Mapped[Moment | None]
    flow_run_id: Mapped[UUID | None] = mapped_column(index=True)
    created_at: Mapped[Created]
    started_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]
