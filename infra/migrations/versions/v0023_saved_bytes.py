"""What an image saved, beside its outcome; an index for the images of a day, built concurrently."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_INDEX = "ix_job_images_finished"


def upgrade() -> None:
    op.execute("ALTER TABLE job_images ADD COLUMN IF NOT EXISTS saved_bytes bigint")
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_INDEX}")  # left by an interrupted build
        op.create_index(
            _INDEX,
            "job_images",
            ["finished_at"],
            postgresql_include=["state", "outcome", "saved_bytes"],
            postgresql_where=sa.text("finished_at IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(_INDEX, table_name="job_images", postgresql_concurrently=True)
    op.drop_column("job_images", "saved_bytes")
