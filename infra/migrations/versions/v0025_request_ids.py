"""The name of the request that asked for a job or batch, for the logs."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("batches", "jobs"):
        op.add_column(table, sa.Column("request_id", sa.String(length=128), nullable=True))


def downgrade() -> None:
    for table in ("jobs", "batches"):
        op.drop_column(table, "request_id")
