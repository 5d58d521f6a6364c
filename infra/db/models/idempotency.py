"""The table of idempotency keys: which request each key stood for, and what it became."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.table import Created, Sha256, Table

MAX_KEY_CHARACTERS = 255


class IdempotencyKey(Table):
    """A caller's name for one request. It is written before its job or batch, with it.

    `owner` says whose key it is: the same key of two owners is two keys. It is empty for callers
    that are not told apart. `request_sha256` is the digest of the parsed request.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("request_sha256 ~ '^[0-9a-f]{64}$'", name="sha256_is_hex"),
        CheckConstraint("num_nonnulls(job_id, batch_id) = 1", name="one_subject"),
    )

    owner: Mapped[str] = mapped_column(String(200), primary_key=True)
    key: Mapped[str] = mapped_column(String(MAX_KEY_CHARACTERS), primary_key=True)
    request_sha256: Mapped[Sha256]
    job_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("jobs.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        index=True,
    )
    batch_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("batches.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        index=True,
    )
    created_at: Mapped[Created]
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
