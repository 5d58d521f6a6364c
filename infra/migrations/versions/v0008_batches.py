"""Batches, the chunks that their jobs travel in, and the rows of imported files."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNPACKED = "state = 'queued' AND batch_id IS NOT NULL AND chunk_id IS NULL"


def upgrade() -> None:
    _create_batches()
    _create_chunks()
    _extend_jobs()
    _create_import_rows()


def downgrade() -> None:
    op.drop_table("import_rows")
    for index in ("batch_state", "unpacked", "chunk_id"):
        op.drop_index(f"ix_jobs_{index}", table_name="jobs")
    for column in ("batch_id", "chunk_id"):
        op.drop_constraint(f"fk_jobs_{column}", "jobs", type_="foreignkey")
    for column in ("batch_id", "batch_position", "chunk_id", "from_stored", "force"):
        op.drop_column("jobs", column)
    op.drop_table("chunks")
    op.drop_table("batches")


def _create_batches() -> None:
    table = "batches"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("preset", sa.String(length=60), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("options", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("round", sa.Integer(), server_default="0", nullable=False),
        sa.Column("plan_cursor", postgresql.JSONB(), nullable=True),
        _moment("planned_at", nullable=True),
        _moment("cancel_requested_at", nullable=True),
        sa.Column("lease_owner", sa.String(length=200), nullable=True),
        _moment("lease_expires_at", nullable=True),
        sa.Column("flow_run_id", sa.Uuid(), nullable=True),
        _moment("created_at", default_now=True),
        _moment("finished_at", nullable=True),
        _check(table, "kind", "kind IN ('import', 'reprocess')"),
        _check(table, "state", "state IN ('running', 'ready', 'partial', 'failed', 'cancelled')"),
        _check(table, "finished", "(state = 'running') = (finished_at IS NULL)"),
        _check(table, "lease", "(lease_owner IS NULL) = (lease_expires_at IS NULL)"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_flow_run_id", table, ["flow_run_id"])
    running = sa.text("state = 'running'")
    op.create_index("ix_batches_running", table, ["created_at"], postgresql_where=running)


def _create_chunks() -> None:
    table = "chunks"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("fencing_token", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.String(length=200), nullable=True),
        _moment("lease_expires_at", nullable=True),
        _moment("dispatched_at", nullable=True),
        sa.Column("flow_run_id", sa.Uuid(), nullable=True),
        _moment("created_at", default_now=True),
        _moment("started_at", nullable=True),
        _moment("finished_at", nullable=True),
        _check(table, "state", "state IN ('queued', 'running', 'done')"),
        _check(table, "lease", "(state = 'running') = (lease_expires_at IS NOT NULL)"),
        _check(table, "owner", "(state = 'running') = (lease_owner IS NOT NULL)"),
        _check(table, "finished", "(state = 'done') = (finished_at IS NOT NULL)"),
        _reference(table, "batch_id", "batches", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_chunks"),
    )
    for column in ("batch_id", "flow_run_id"):
        op.create_index(f"ix_{table}_{column}", table, [column])
    undispatched = sa.text("state = 'queued' AND dispatched_at IS NULL")
    op.create_index("ix_chunks_undispatched", table, ["created_at"], postgresql_where=undispatched)
    running = sa.text("state = 'running'")
    op.create_index("ix_chunks_leases", table, ["lease_expires_at"], postgresql_where=running)


def _extend_jobs() -> None:
    for column in ("batch_id", "chunk_id"):
        op.add_column("jobs", sa.Column(column, sa.Uuid(), nullable=True))
    op.add_column("jobs", sa.Column("batch_position", sa.Integer(), nullable=True))
    for flag in ("from_stored", "force"):
        kind = sa.Boolean()
        op.add_column("jobs", sa.Column(flag, kind, server_default=sa.false(), nullable=False))
    for column, table in (("batch_id", "batches"), ("chunk_id", "chunks")):
        op.create_foreign_key(
            f"fk_jobs_{column}", "jobs", table, [column], ["id"], ondelete="SET NULL"
        )
    op.create_index("ix_jobs_chunk_id", "jobs", ["chunk_id"])
    op.create_index("ix_jobs_batch_state", "jobs", ["batch_id", "state"])
    unpacked = sa.text(_UNPACKED)
    op.create_index(
        "ix_jobs_unpacked", "jobs", ["batch_id", "batch_position"], postgresql_where=unpacked
    )


def _create_import_rows() -> None:
    table = "import_rows"
    op.create_table(
        table,
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("content", postgresql.JSONB(), nullable=True),
        sa.Column("error_code", sa.String(length=60), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        _reference(table, "batch_id", "batches", ondelete="CASCADE"),
        _reference(table, "job_id", "jobs", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("batch_id", "line", name="pk_import_rows"),
    )
    op.create_index("ix_import_rows_job_id", table, ["job_id"])


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _reference(table: str, column: str, target: str, *, ondelete: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}"
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete=ondelete)


def _moment(name: str, *, default_now: bool = False, nullable: bool = False) -> sa.Column[datetime]:
    default = sa.text("now()") if default_now else None
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, server_default=default, nullable=nullable)
