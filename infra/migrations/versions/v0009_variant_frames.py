"""How many frames a variant shows: one, unless it moves."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A constant default rewrites no row.
    frames = sa.Column("frames", sa.Integer(), server_default="1", nullable=False)
    op.add_column("variants", frames)


def downgrade() -> None:
    op.drop_column("variants", "frames")
