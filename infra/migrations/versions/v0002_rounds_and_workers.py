"""Rounds of a job, freshness of an image, jobs by their flow run, and who is at work."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("round", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_jobs_flow_run_id", "jobs", ["flow_run_id"])
    op.add_column("images", sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "workers",
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("owner", name="pk_workers"),
    )


def downgrade() -> None:
    op.drop_table("workers")
    op.drop_column("images", "claimed_at")
    op.drop_index("ix_jobs_flow_run_id", table_name="jobs")
    op.drop_column("jobs", "round")
