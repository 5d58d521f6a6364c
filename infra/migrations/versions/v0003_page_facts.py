"""What a web page shows of an original before its variants arrive, and how it looks in 64 bits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("originals", sa.Column("dominant_colour", sa.String(length=7), nullable=True))
    op.add_column("originals", sa.Column("thumbhash", sa.String(length=60), nullable=True))
    op.add_column("originals", sa.Column("phash", sa.String(length=16), nullable=True))
    op.create_index("ix_originals_phash", "originals", ["phash"])


def downgrade() -> None:
    op.drop_index("ix_originals_phash", table_name="originals")
    for column in ("phash", "thumbhash", "dominant_colour"):
        op.drop_column("originals", column)
