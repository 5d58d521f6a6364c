"""Products, images, originals, variants, jobs and what each job did for each image."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_originals()
    _create_products()
    _create_images()
    _create_jobs()
    _create_variants()
    _create_job_images()


def downgrade() -> None:
    for table in ("job_images", "variants", "jobs", "images", "products", "originals"):
        op.drop_table(table)


def _create_originals() -> None:
    op.create_table(
        "originals",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=20), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("orientation", sa.Integer(), nullable=True),
        _moment("created_at", default_now=True),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_originals_sha256_is_hex")),
        sa.PrimaryKeyConstraint("sha256", name="pk_originals"),
    )


def _create_products() -> None:
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=True),
        _moment("created_at", default_now=True),
        _moment("updated_at", default_now=True),
        sa.PrimaryKeyConstraint("id", name="pk_products"),
        sa.UniqueConstraint("sku", name="uq_products_sku"),
    )


def _create_images() -> None:
    op.create_table(
        "images",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column(
            "state", _word("state", "queued", "processing", "ready", "failed"), nullable=False
        ),
        sa.Column("original_sha256", sa.String(length=64), nullable=True),
        sa.Column("fingerprint", sa.String(length=40), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("error_retryable", sa.Boolean(), nullable=True),
        _moment("created_at", default_now=True),
        _moment("updated_at", default_now=True),
        sa.CheckConstraint("position >= 0", name=op.f("ck_images_position_from_zero")),
        sa.ForeignKeyConstraint(
            ["original_sha256"], ["originals.sha256"], name="fk_images_original_sha256"
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_images_product_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
        sa.UniqueConstraint(
            "product_id",
            "position",
            deferrable=True,
            initially="DEFERRED",
            name="uq_images_product_id_position",
        ),
        sa.UniqueConstraint("product_id", "source_url", name="uq_images_product_id_source_url"),
    )
    op.create_index("ix_images_original_sha256", "images", ["original_sha256"])
    op.create_index("ix_images_source_url", "images", ["source_url"])


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        *_job_columns(),
        sa.CheckConstraint(
            "(state = 'running') = (lease_expires_at IS NOT NULL)", name=op.f("ck_jobs_lease")
        ),
        sa.CheckConstraint(
            "(state = 'running') = (lease_owner IS NOT NULL)", name=op.f("ck_jobs_owner")
        ),
        sa.CheckConstraint(
            "(state IN ('queued', 'running')) = (finished_at IS NULL)",
            name=op.f("ck_jobs_finished"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_jobs_product_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index(
        "ix_jobs_leases", "jobs", ["lease_expires_at"], postgresql_where="state = 'running'"
    )
    op.create_index("ix_jobs_product_id", "jobs", ["product_id"])
    op.create_index(
        "ix_jobs_undispatched",
        "jobs",
        ["created_at"],
        postgresql_where="state = 'queued' AND dispatched_at IS NULL",
    )


def _job_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("lane", _word("lane", "interactive", "bulk"), nullable=False),
        sa.Column(
            "state",
            _word("state", "queued", "running", "ready", "partial", "failed", "cancelled"),
            nullable=False,
        ),
        sa.Column("preset", sa.String(length=60), nullable=False),
        sa.Column("metadata", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("fencing_token", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(length=200), nullable=True),
        _moment("lease_expires_at"),
        _moment("not_before"),
        _moment("dispatched_at"),
        _moment("cancel_requested_at"),
        sa.Column("flow_run_id", sa.Uuid(), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        _moment("created_at", default_now=True),
        _moment("started_at"),
        _moment("finished_at"),
    ]


def _create_variants() -> None:
    op.create_table(
        "variants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("original_sha256", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        _moment("created_at", default_now=True),
        sa.ForeignKeyConstraint(
            ["original_sha256"],
            ["originals.sha256"],
            name="fk_variants_original_sha256",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_variants"),
        sa.UniqueConstraint(
            "original_sha256",
            "fingerprint",
            "name",
            name="uq_variants_original_sha256_fingerprint_name",
        ),
    )


def _create_job_images() -> None:
    op.create_table(
        "job_images",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "state", _word("state", "queued", "processing", "ready", "failed"), nullable=False
        ),
        sa.Column(
            "outcome", _word("outcome", "created", "unchanged", "deduplicated"), nullable=True
        ),
        sa.Column("original_sha256", sa.String(length=64), nullable=True),
        sa.Column("fingerprint", sa.String(length=40), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("error_retryable", sa.Boolean(), nullable=True),
        _moment("finished_at"),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name="fk_job_images_image_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_job_images_job_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["original_sha256"], ["originals.sha256"], name="fk_job_images_original_sha256"
        ),
        sa.PrimaryKeyConstraint("job_id", "image_id", name="pk_job_images"),
    )
    op.create_index("ix_job_images_image_id", "job_images", ["image_id"])


def _moment(name: str, *, default_now: bool = False) -> sa.Column[datetime]:
    default = sa.text("now()") if default_now else None
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=default, nullable=not default_now
    )


def _word(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=20)
