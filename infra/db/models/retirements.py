"""The table of objects that are on their way out, by the folder that they lie in.

A folder is what belongs together: the original of some bytes, or their variants under a policy.
"""

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from infra.db.table import Created, Moment, Sha256, Table


class Retirement(Table):
    """A folder that no image uses any more, or whose objects were removed.

    `since` is when that was first seen: retention counts from there. `removed_until` lies ahead
    while objects are being removed, and is the moment of the removal afterwards: what an attempt
    stored or found there that was claimed before that moment may be gone. Without a fingerprint
    it is the original, and so everything that was made of these bytes. There need be no row in
    `originals`: objects without rows are removed too.
    """

    __tablename__ = "retirements"
    __table_args__ = (
        Index("ix_retirements_since", "since", postgresql_where="removed_until IS NULL"),
        Index(
            "ix_retirements_removed", "removed_until", postgresql_where="removed_until IS NOT NULL"
        ),
    )

    folder: Mapped[str] = mapped_column(Text, primary_key=True)
    original_sha256: Mapped[Sha256] = mapped_column(index=True)
    fingerprint: Mapped[str | None] = mapped_column(String(40))
    since: Mapped[Created]
    removed_until: Mapped[Moment | None]


class Removal(Table):
    """An object that is to be removed: written with the end of its rows, deleted when it is gone.

    Should rows refer to it again meanwhile, it stays and the removal is forgotten.
    """

    __tablename__ = "removals"

    object_key: Mapped[str] = mapped_column(Text, primary_key=True)
    original_sha256: Mapped[Sha256]
    fingerprint: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[Created] = mapped_column(index=True)
