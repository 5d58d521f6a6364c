"""Queued jobs by their lane, so that counting them reads only them."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_jobs_queued", "jobs", ["lane"], postgresql_where="state = 'queued'")


def downgrade() -> None:
    op.drop_index("ix_jobs_queued", "jobs")
