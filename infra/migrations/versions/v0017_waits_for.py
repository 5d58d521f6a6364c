"""Why a worker takes no work now, so that a waiting job can say what it waits for."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("waits_for", sa.String(length=20), nullable=True))


def downgrade() -> None:
    op.drop_column("workers", "waits_for")
