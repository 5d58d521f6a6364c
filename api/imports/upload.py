"""Takes an imported file in: the body itself or the one file of a form, kept on disk meanwhile."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import PurePath
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from api.bodies.form import FormLimits, read_form
from api.bodies.submission import FORM_TYPE, limited, media_type_of
from api.dependencies import Resources
from api.imports.record import FileKind
from infra.contract.errors import ErrorCode, Rejected

_KINDS = {
    FileKind.CSV: ("text/csv", "application/csv", "text/tab-separated-values"),
    FileKind.NDJSON: (
        *("application/x-ndjson", "application/ndjson"),
        *("application/jsonl", "application/x-jsonlines"),
    ),
    FileKind.XLSX: ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
    FileKind.FEED: (
        *("application/xml", "text/xml"),
        *("application/rss+xml", "application/atom+xml"),
    ),
    FileKind.ZIP: ("application/zip", "application/x-zip-compressed"),
}
_KIND_OF_TYPE = {media_type: kind for kind, types in _KINDS.items() for media_type in types}
_KIND_OF_SUFFIX = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), FileKind.CSV),
    **dict.fromkeys((".ndjson", ".jsonl"), FileKind.NDJSON),
}
# What programs say that do not know: curl, browsers, spreadsheets.
_UNTOLD = frozenset(
    {
        *("", "application/octet-stream", "application/x-www-form-urlencoded"),
        *("text/plain", "application/vnd.ms-excel"),
    }
)
# The encodings that are recognised, whatever is said of them.
_CHARSETS = frozenset(
    {
        *("utf-8", "utf8", "us-ascii", "utf-16", "utf-16le", "utf-16be"),
        *("windows-1252", "cp1252", "iso-8859-1", "latin1"),
    }
)
_FORM_OVERHEAD_BYTES = 65_536
_MAX_FORM_FIELDS = 20


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file at its beginning; `told` and `name` are what its sender calls it."""

    file: BinaryIO
    told: FileKind | None
    name: str | None = None


async def imported_file_of(request: Request, resources: Resources) -> AsyncIterator[ImportedFile]:
    """Yield the request's file. Raises `Rejected` (400, 413, 415, 422)."""
    max_bytes = resources.configuration.imports.max_bytes
    content_type = request.headers.get("content-type", "")
    if media_type_of(content_type) != FORM_TYPE:
        _require_readable(content_type)
        with TemporaryFile(prefix="product-images-import-") as file:
            async for chunk in limited(request, max_bytes).stream():
                await run_in_threadpool(file.write, chunk)
            file.seek(0)
            yield ImportedFile(file, _told(content_type, None))
        return
    form = await read_form(
        limited(request, max_bytes + _FORM_OVERHEAD_BYTES),
        FormLimits(
            files=1,
            file_bytes=max_bytes,
            fields=_MAX_FORM_FIELDS,
            field_bytes=_FORM_OVERHEAD_BYTES,
        ),
    )
    try:
        parts = form.multi_items()
        for name, value in parts:
            if not isinstance(value, UploadFile):
                raise Rejected(
                    422,
                    ErrorCode.INVALID_REQUEST,
                    f"The form has the field {name[:60]!r}; send settings in the query instead.",
                )
        upload = next((value for _, value in parts if isinstance(value, UploadFile)), None)
        if upload is None:
            raise Rejected(422, ErrorCode.INVALID_REQUEST, "The form has no file.")
        yield imported(upload)
    finally:
        await form.close()


File = Annotated[ImportedFile, Depends(imported_file_of)]


def imported(upload: UploadFile) -> ImportedFile:
    """Return the file of a form. Raises `Rejected` (415)."""
    content_type = upload.headers.get("content-type", "")
    _require_readable(content_type)
    return ImportedFile(upload.file, _told(content_type, upload.filename), upload.filename)


def _require_readable(content_type: str) -> None:
    media_type = media_type_of(content_type)
    if media_type not in _KIND_OF_TYPE and media_type not in _UNTOLD:
        raise Rejected(
            415,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"{media_type} is not read here. Send text/csv, application/x-ndjson, application/xml, "
            "an Excel workbook, application/zip, or a file in multipart/form-data.",
        )
    charset = content_type.lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if charset and charset not in _CHARSETS:
        raise Rejected(
            415,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            "Files are read in UTF-8, UTF-16 and Windows-1252 only. Convert it.",
        )


def _told(content_type: str, name: str | None) -> FileKind | None:
    """Return what the type says, else what the name does."""
    told = _KIND_OF_TYPE.get(media_type_of(content_type))
    return told or _KIND_OF_SUFFIX.get(PurePath(name or "").suffix.lower())
