"""Use case: put an uploaded file into the object store before a job refers to it.

A crash between storing and submitting leaves an object without a row, which the garbage
collector may remove; it never leaves a row without an object.
"""

import hashlib
from pathlib import Path
from time import monotonic

from infra.contract.errors import ErrorCode, Rejected
from infra.contract.object_keys import original_key
from infra.objectstore import ObjectStore
from tasks.imaging.formats.detect import HEADER_BYTES, HEIC_IS_OFF, ImageFormat, sniff
from tasks.submission.uploads import Upload

_CHUNK_BYTES = 256 * 1024


def store_upload(store: ObjectStore, path: Path, *, index: int, heic: bool) -> Upload:
    """Store one file; `index` is its place in the request, for the error's sentence.
    `heic` says whether workers decode HEIC.

    Raises `Rejected` (422) when the file does not begin like a picture, `ServiceUnavailable`
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
            f"File {index} is not a picture in a format that we read. Nothing was accepted.",
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
