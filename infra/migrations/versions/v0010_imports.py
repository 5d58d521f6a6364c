"""Idempotency keys may stand for a batch: requests that import files have them, too."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLE = "idempotency_keys"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.alter_column(_TABLE, "job_id", nullable=True)
    op.create_foreign_key(
        f"fk_{_TABLE}_batch_id",
        _TABLE,
        "batches",
        ["batch_id"],
        ["id"],
        ondelete="CASCADE",
        deferrable=True,
        initially="DEFERRED",
    )
    op.create_check_constraint(
        op.f(f"ck_{_TABLE}_one_subject"), _TABLE, "num_nonnulls(job_id, batch_id) = 1"
    )
    op.create_index(f"ix_{_TABLE}_batch_id", _TABLE, ["batch_id"])


def downgrade() -> None:
    op.execute("DELETE FROM idempotency_keys WHERE job_id IS NULL")
    op.drop_index(f"ix_{_TABLE}_batch_id", table_name=_TABLE)
    op.drop_constraint(op.f(f"ck_{_TABLE}_one_subject"), _TABLE)
    op.drop_constraint(f"fk_{_TABLE}_batch_id", _TABLE, type_="foreignkey")
    op.alter_column(_TABLE, "job_id", nullable=False)
    op.drop_column(_TABLE, "batch_id")
