"""Uploaded files as rows: they are in the object store before a job refers to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.object_keys import Folder
from infra.db.models.catalogue import Original
from tasks.contents.locks import share_contents
from tasks.contents.removal_guard import removed_since


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is already in the object store.

    `stored_from` is this process's monotonic clock, in seconds, just before it was stored.
    """

    sha256: str
    object_key: str
    format: str
    media_type: str
    bytes: int
    stored_from: float | None = None


def write_uploads(session: Session, uploads: Sequence[Upload]) -> None:
    """Give each file its row, within the caller's transaction.

    Raises `ServiceUnavailable` when the object of one may have been removed since it was stored.
    """
    share_contents(session, [upload.sha256 for upload in uploads])
    for upload in sorted(uploads, key=lambda upload: upload.sha256):
        _require_kept(session, upload)
        values = {
            "sha256": upload.sha256,
            "object_key": upload.object_key,
            "format": upload.format,
            "media_type": upload.media_type,
            "bytes": upload.bytes,
        }
        session.execute(insert(Original).values(values).on_conflict_do_nothing())


def _require_kept(session: Session, upload: Upload) -> None:
    if upload.stored_from is None:
        return
    age = timedelta(seconds=monotonic() - upload.stored_from)
    if Folder(upload.sha256) in removed_since(session, [upload.sha256], func.now() - age):
        raise ServiceUnavailable(
            ErrorCode.STORE_UNAVAILABLE,
            "A file like this one was being removed when it arrived. Send it again.",
            retry_after_seconds=5,
        )
