"""Idempotency keys of requests, and what a source said when it was last fetched."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_idempotency_keys()
    _create_source_validators()


def downgrade() -> None:
    op.drop_table("source_validators")
    op.drop_table("idempotency_keys")


def _create_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        _moment("created_at", default_now=True),
        _moment("expires_at"),
        sa.CheckConstraint(
            "request_sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_idempotency_keys_sha256_is_hex")
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name="fk_idempotency_keys_job_id",
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("owner", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_job_id", "idempotency_keys", ["job_id"])
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])


def _create_source_validators() -> None:
    op.create_table(
        "source_validators",
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("original_sha256", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        _moment("seen_at", default_now=True),
        sa.CheckConstraint(
            "etag IS NOT NULL OR last_modified IS NOT NULL",
            name=op.f("ck_source_validators_says_something"),
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name="fk_source_validators_image_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", name="pk_source_validators"),
    )


def _moment(name: str, *, default_now: bool = False) -> sa.Column[datetime]:
    default = sa.text("now()") if default_now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=False)
