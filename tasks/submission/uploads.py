"""Uploaded files: each is put into the object store, and gets its row, before a job refers to it.

A crash between storing and submitting leaves an object without a row, which the garbage collector
may remove; it never leaves a row without an object.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from infra.contract.errors import ErrorCode, Rejected, ServiceUnavailable
from infra.contract.object_keys import Folder, original_key
from infra.db.models.catalogue import Original
from infra.objectstore import ObjectStore
from tasks.contents.locks import share_contents
from tasks.contents.removal_guard import removed_since
from tasks.imaging.formats.detect import HEADER_BYTES, HEIC_IS_OFF, ImageFormat, sniff

_CHUNK_BYTES = 256 * 1024


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


def store_upload(store: ObjectStore, path: Path, *, index: int, heic: bool) -> Upload:
    """Store one file; `index` is its place in the request, for the error's sentence.
    `heic` says whether workers decode HEIC.

    Raises `Rejected` (422) when the file does not begin like an image, `ServiceUnavailable`
    when the store is away.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
        digest.update(header)
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    image_format = sniff(header)
    if image_format is None:
        raise Rejected(
            422,
            ErrorCode.UNSUPPORTED_FORMAT,
            f"File {index} is not an image in an accepted format. Nothing was accepted.",
        )
    if image_format is ImageFormat.HEIC and not heic:
        raise Rejected(
            422,
            ErrorCode.UNSUPPORTED_FORMAT,
            f"File {index}: {HEIC_IS_OFF} Nothing was accepted.",
        )
    sha256 = digest.hexdigest()
    key = original_key(sha256, image_format.extension)
    stored_from = monotonic()
    store.put_verified(key, path, media_type=image_format.media_type)
    return Upload(
        sha256=sha256,
        object_key=key,
        format=image_format,
        media_type=image_format.media_type,
        bytes=path.stat().st_size,
        stored_from=stored_from,
    )


def write_uploads(session: Session, uploads: Sequence[Upload]) -> None:
    """Give each file its row, within the caller's transaction.

    Raises `ServiceUnavailable` when the object of one may have been removed since it was stored.
    """
    share_contents(session, [upload.sha256 for upload in uploads])
    for upload in sorted(uploads, key=lambda upload: upload.sha256):
        if upload.stored_from is not None:
            age = timedelta(seconds=monotonic() - upload.stored_from)
            if Folder(upload.sha256) in removed_since(session, [upload.sha256], func.now() - age):
                raise ServiceUnavailable(
                    ErrorCode.STORE_UNAVAILABLE,
                    "A file like this one was being removed when it arrived. Send it again.",
                    retry_after_seconds=5,
                )
        values = {
            "sha256": upload.sha256,
            "object_key": upload.object_key,
            "format": upload.format,
            "media_type": upload.media_type,
            "bytes": upload.bytes,
        }
        session.execute(insert(Original).values(values).on_conflict_do_nothing())
