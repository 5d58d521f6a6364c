"""What fingerprints mean, what ought to be made, what it cost; and jobs that nobody notices."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_MEASURED = "cpu_seconds IS NOT NULL"


def upgrade() -> None:
    _create_policies()
    _create_preset_targets()
    quiet: sa.Column[bool] = sa.Column(
        "quiet", sa.Boolean(), server_default=sa.false(), nullable=False
    )
    op.add_column("jobs", quiet)
    op.add_column("job_images", sa.Column("cpu_seconds", sa.Float(), nullable=True))
    op.create_index(
        "ix_job_images_measured",
        "job_images",
        ["finished_at"],
        postgresql_where=sa.text(_MEASURED),
    )
    op.create_index("ix_images_fingerprint", "images", ["fingerprint"])


def downgrade() -> None:
    op.drop_index("ix_images_fingerprint", table_name="images")
    op.drop_index("ix_job_images_measured", table_name="job_images")
    op.drop_column("job_images", "cpu_seconds")
    op.drop_column("jobs", "quiet")
    op.drop_table("preset_targets")
    op.drop_table("policies")


def _create_policies() -> None:
    op.create_table(
        "policies",
        sa.Column("fingerprint", sa.String(length=40), nullable=False),
        sa.Column("preset", sa.String(length=60), nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("pipeline", sa.Integer(), nullable=False),
        sa.Column("encoders", postgresql.JSONB(), server_default="{}", nullable=False),
        _moment("first_seen_at"),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_policies"),
    )
    op.create_index("ix_policies_preset", "policies", ["preset"])


def _create_preset_targets() -> None:
    op.create_table(
        "preset_targets",
        sa.Column("preset", sa.String(length=60), nullable=False),
        sa.Column("revision", sa.String(length=40), nullable=False),
        sa.Column("fingerprint", sa.String(length=40), nullable=False),
        _moment("set_at"),
        sa.PrimaryKeyConstraint("preset", name="pk_preset_targets"),
    )


def _moment(name: str) -> sa.Column[datetime]:
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, server_default=sa.text("now()"), nullable=False)
