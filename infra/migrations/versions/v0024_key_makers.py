"""Which key made and revoked an API key over HTTP."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_COLUMNS = ("created_by", "revoked_by")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("api_keys", sa.Column(name, sa.String(length=12), nullable=True))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("api_keys", name)
