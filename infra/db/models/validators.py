"""The table of what sources said about their images, so that they can be asked for changes."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.table import Created, Sha256, Table


class SourceValidators(Table):
    """What the server at `url` called the bytes `original_sha256` when it last sent them.

    `url` is the last one after all redirects: another URL's words mean nothing to it.
    """

    __tablename__ = "source_validators"
    __table_args__ = (
        CheckConstraint("etag IS NOT NULL OR last_modified IS NOT NULL", name="says_something"),
    )

    image_id: Mapped[UUID] = mapped_column(
        ForeignKey("images.id", ondelete="CASCADE"), primary_key=True
    )
    original_sha256: Mapped[Sha256]
    url: Mapped[str] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(Text)
    last_modified: Mapped[str | None] = mapped_column(Text)
    seen_at: Mapped[Created]
