"""Objects that are on their way out, and which contents the outcomes of jobs name."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLE = "retirements"


def upgrade() -> None:
    kind = sa.DateTime(timezone=True)
    op.create_table(
        _TABLE,
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("original_sha256", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=40), nullable=True),
        sa.Column("since", kind, server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_until", kind, nullable=True),
        sa.PrimaryKeyConstraint("folder", name="pk_retirements"),
    )
    op.create_index("ix_retirements_original_sha256", _TABLE, ["original_sha256"])
    waiting = sa.text("removed_until IS NULL")
    op.create_index("ix_retirements_since", _TABLE, ["since"], postgresql_where=waiting)
    op.create_index("ix_job_images_original_sha256", "job_images", ["original_sha256"])


def downgrade() -> None:
    op.drop_index("ix_job_images_original_sha256", "job_images")
    op.drop_table(_TABLE)
