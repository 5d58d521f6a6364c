"""Use case: find the file that a supplier sent for an image."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from infra.contract.errors import ErrorCode, Rejected
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Original


@dataclass(frozen=True, slots=True)
class StoredOriginal:
    """An original as it is stored; the media type is that of its content, always an image's."""

    sha256: str
    object_key: str
    media_type: str


def find_original(database: Database, product_id: UUID, image_id: UUID) -> StoredOriginal:
    """Return the original that an image shows now.

    Raises `Rejected` (404) when the product has no such image, or nothing was fetched for it yet.
    """
    statement = (
        select(Original.sha256, Original.object_key, Original.media_type)
        .join(Image, Image.original_sha256 == Original.sha256)
        .where(Image.id == image_id, Image.product_id == product_id)
    )
    with database.transaction() as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        raise Rejected(404, ErrorCode.NOT_FOUND, "The image has no original, or does not exist.")
    return StoredOriginal(row.sha256, row.object_key, row.media_type)
