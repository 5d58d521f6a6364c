"""What ended, by the time of its end, so that deleting what is old reads only what is old."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ENDED = "finished_at IS NOT NULL"
_REMOVED = "removed_until IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        "ix_webhook_deliveries_finished",
        "webhook_deliveries",
        ["finished_at"],
        postgresql_where=_ENDED,
    )
    op.create_index(
        "ix_retirements_removed", "retirements", ["removed_until"], postgresql_where=_REMOVED
    )


def downgrade() -> None:
    op.drop_index("ix_retirements_removed", "retirements")
    op.drop_index("ix_webhook_deliveries_finished", "webhook_deliveries")
