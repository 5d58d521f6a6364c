"""Webhook endpoints, the deliveries that are owed to them, and every try."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_endpoints()
    _create_deliveries()
    _create_attempts()


def downgrade() -> None:
    for table in ("webhook_attempts", "webhook_deliveries", "webhook_endpoints"):
        op.drop_table(table)


def _create_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.String(length=40)), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=False),
        _moment("failing_since", nullable=True),
        _moment("disabled_at", nullable=True),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        _moment("created_at", default_now=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoints"),
    )


def _create_deliveries() -> None:
    table = "webhook_deliveries"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        _moment("due_at", default_now=True),
        _moment("begun_at", default_now=True),
        _moment("finished_at", nullable=True),
        _moment("created_at", default_now=True),
        *_delivery_rules(),
    )
    for column in ("endpoint_id", "subject_id"):
        op.create_index(f"ix_{table}_{column}", table, [column])
    op.create_index(
        f"ix_{table}_due", table, ["due_at"], postgresql_where=sa.text("state = 'pending'")
    )


def _delivery_rules() -> tuple[sa.Constraint, ...]:
    states, events = "'pending', 'delivered', 'failed'", "'job.finished', 'batch.finished'"
    return (
        sa.CheckConstraint(f"state IN ({states})", name=op.f("ck_webhook_deliveries_state")),
        sa.CheckConstraint(f"event IN ({events})", name=op.f("ck_webhook_deliveries_event")),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name="fk_webhook_deliveries_endpoint_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_deliveries"),
    )


def _create_attempts() -> None:
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        _moment("finished_at", default_now=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["webhook_deliveries.id"],
            name="fk_webhook_attempts_delivery_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_attempts"),
        sa.UniqueConstraint("delivery_id", "number", name="uq_webhook_attempts_delivery_id_number"),
    )


def _moment(name: str, *, default_now: bool = False, nullable: bool = False) -> sa.Column[datetime]:
    default = sa.text("now()") if default_now else None
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, server_default=default, nullable=nullable)
