"""The rows of imported files, and how the files of a supplier are read."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.models.batches import Batch
from infra.db.models.jobs import Job
from infra.db.table import Created, Metadata, Table


class ImportRow(Table):
    """One record of an imported file, as it was read; the line number is where it began, from 1.

    A rejected record has an error and never a job; an accepted one has a job once it was planned.
    """

    __tablename__ = "import_rows"
    __table_args__ = (Index("ix_import_rows_sku", "sku", postgresql_where="content IS NOT NULL"),)

    batch_id: Mapped[UUID] = mapped_column(
        ForeignKey(Batch.id, ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str | None] = mapped_column(Text)
    content: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_detail: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey(Job.id, ondelete="SET NULL"), index=True)


class ImportMapping(Table):
    """How files are read whose importer gives this name: the members of `PUT /mappings/{name}`."""

    __tablename__ = "import_mappings"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    reading: Mapped[Metadata]
    created_at: Mapped[Created]
    updated_at: Mapped[Created]
