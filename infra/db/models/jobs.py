"""The tables of jobs: what was asked for, what became of each image, and who works."""

from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from infra.contract.states import ImageState, JobState, Lane, Outcome
from infra.db.models.batches import Batch, Chunk
from infra.db.models.catalogue import Image, Original, Product
from infra.db.table import Created, Id, Metadata, Moment, Sha256, Table, word
from infra.request_id import MAX_CHARACTERS, current_request_id


class Job(Table):
    """One request to process images of a product.

    `fencing_token` rises with every claim and guards every write of the attempt;
    `attempts` counts those claims that speak against the job; `round` counts how often a person
    had the job done again, and each round has a flow run of its own.

    A job of a batch travels in a chunk with others; without one it waits to be packed, and
    `batch_position` is its place in the batch. `from_stored` asks no supplier: the job works on
    the originals that its images show. `force` has variants encoded again that are there. `quiet`
    leaves the state of the images alone until it has made them: what they show is good enough.
    `request_id` names the request that asked for the job: all logs about it carry that.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("(state = 'running') = (lease_expires_at IS NOT NULL)", name="lease"),
        CheckConstraint("(state = 'running') = (lease_owner IS NOT NULL)", name="owner"),
        CheckConstraint(
            "(state IN ('queued', 'running')) = (finished_at IS NULL)", name="finished"
        ),
        Index(
            "ix_jobs_undispatched",
            "created_at",
            postgresql_where="state = 'queued' AND dispatched_at IS NULL",
        ),
        Index("ix_jobs_queued", "lane", postgresql_where="state = 'queued'"),
        Index("ix_jobs_leases", "lease_expires_at", postgresql_where="state = 'running'"),
        Index("ix_jobs_finished_at", "finished_at"),
        Index("ix_jobs_state_id", "state", "id"),
        Index("ix_jobs_lane_id", "lane", "id"),
        Index("ix_jobs_created_at", "created_at"),
        Index("ix_jobs_batch_state", "batch_id", "state"),
        Index(
            "ix_jobs_unpacked",
            "batch_id",
            "batch_position",
            postgresql_where="state = 'queued' AND batch_id IS NOT NULL AND chunk_id IS NULL",
        ),
    )

    id: Mapped[Id]
    product_id: Mapped[UUID] = mapped_column(ForeignKey(Product.id, ondelete="CASCADE"), index=True)
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey(Batch.id, ondelete="SET NULL"))
    batch_position: Mapped[int | None]
    chunk_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(Chunk.id, ondelete="SET NULL"), index=True
    )
    from_stored: Mapped[bool] = mapped_column(server_default=false())
    force: Mapped[bool] = mapped_column(server_default=false())
    quiet: Mapped[bool] = mapped_column(server_default=false())
    lane: Mapped[Lane] = mapped_column(word(Lane, "lane"))
    state: Mapped[JobState] = mapped_column(word(JobState, "state"))
    preset: Mapped[str] = mapped_column(String(60))
    details: Mapped[Metadata] = mapped_column("metadata")
    callback_url: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(
        String(MAX_CHARACTERS), default=current_request_id
    )
    fencing_token: Mapped[int] = mapped_column(server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    round: Mapped[int] = mapped_column(server_default="0")
    lease_owner: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[Moment | None]
    not_before: Mapped[Moment | None]
    dispatched_at: Mapped[Moment | None]
    cancel_requested_at: Mapped[Moment | None]
    flow_run_id: Mapped[UUID | None] = mapped_column(index=True)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[Created]
    started_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]


class JobImage(Table):
    """What one job did for one image: stays as it was, whatever later jobs do.

    `cpu_seconds` is what making the variants cost, where any were made; `saved_bytes` by how much
    the largest of them is smaller than the source.
    """

    __tablename__ = "job_images"
    __table_args__ = (
        Index(
            "ix_job_images_measured",
            "finished_at",
            postgresql_where="cpu_seconds IS NOT NULL",
        ),
        Index(
            "ix_job_images_finished",
            "finished_at",
            postgresql_include=["state", "outcome", "saved_bytes"],
            postgresql_where="finished_at IS NOT NULL",
        ),
    )

    job_id: Mapped[UUID] = mapped_column(ForeignKey(Job.id, ondelete="CASCADE"), primary_key=True)
    image_id: Mapped[UUID] = mapped_column(
        ForeignKey(Image.id, ondelete="CASCADE"), primary_key=True, index=True
    )
    position: Mapped[int]
    state: Mapped[ImageState] = mapped_column(word(ImageState, "state"))
    outcome: Mapped[Outcome | None] = mapped_column(word(Outcome, "outcome"))
    original_sha256: Mapped[Sha256 | None] = mapped_column(ForeignKey(Original.sha256), index=True)
    fingerprint: Mapped[str | None] = mapped_column(String(40))
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_detail: Mapped[str | None] = mapped_column(Text)
    error_retryable: Mapped[bool | None]
    cpu_seconds: Mapped[float | None]
    saved_bytes: Mapped[int | None] = mapped_column(BigInteger)
    finished_at: Mapped[Moment | None]


class Worker(Table):
    """A worker process that said not long ago that it lives.

    `waits_for` says why it takes no work now; NULL while it does.
    """

    __tablename__ = "workers"

    owner: Mapped[str] = mapped_column(String(200), primary_key=True)
    seen_at: Mapped[Created]
    waits_for: Mapped[str | None] = mapped_column(String(20))
