"""Reads the body of `POST /process-image`: JSON or multipart, within limits.

JSON is also accepted without a content type and under the one that `curl -d` sends by itself.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message

from api.bodies.form import FormLimits, read_form
from infra.contract.errors import ErrorCode, Rejected
from infra.settings.sections import ApiSettings

JSON_TYPES = frozenset(
    {
        *("", "application/json", "application/merge-patch+json"),
        "application/x-www-form-urlencoded",  # what curl says when it is told nothing
    }
)
"""Under which types every route takes JSON."""

FORM_TYPE = "multipart/form-data"
_LISTS = frozenset({"image_url", "image_urls"})


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of a request as they came, and its files in the order given."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


async def read_json(request: Request, settings: ApiSettings) -> Body:
    """Return a JSON object's members. Raises `Rejected` (400, 413, 422)."""
    body = await limited(request, settings.max_json_bytes).body()
    document = _document(body, "The body is not valid JSON")
    if not isinstance(document, dict):
        raise Rejected(
            422,
            ErrorCode.INVALID_REQUEST,
            'The body must be a JSON object such as {"image_url": "https://…"}.',
        )
    return Body(fields=document)


@asynccontextmanager
async def read_body(request: Request, settings: ApiSettings) -> AsyncIterator[Body]:
    """Yield the body; uploaded files exist until the block ends.

    Raises `Rejected` (400, 413, 415, 422).
    """
    media_type = media_type_of(request.headers.get("content-type", ""))
    if media_type in JSON_TYPES:
        yield await read_json(request, settings)
    elif media_type == FORM_TYPE:
        form = await read_form(
            limited(request, settings.max_upload_bytes),
            FormLimits(
                files=settings.max_urls,
                file_bytes=settings.max_file_bytes,
                fields=settings.max_form_fields,
                field_bytes=settings.max_json_bytes,
            ),
        )
        with TemporaryDirectory(prefix="product-images-upload-") as directory:
            try:
                body = await run_in_threadpool(_save_form, form, Path(directory))
            finally:
                await form.close()
            yield body
    else:
        raise Rejected(
            415,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"{media_type} is not read here. Send application/json or multipart/form-data.",
        )


def media_type_of(content_type: str) -> str:
    """Return the type alone, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def _save_form(form: FormData, directory: Path) -> Body:
    fields: dict[str, Any] = {}
    files: list[Path] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if value.filename or value.size:  # a browser sends inputs that nobody filled in, too
                files.append(directory / str(len(files)))
                with files[-1].open("wb") as target:
                    copyfileobj(value.file, target, 256 * 1024)
        elif not value.strip():
            continue
        elif name in _LISTS:
            fields.setdefault("image_urls", []).append(value)
        elif name == "metadata":
            fields[name] = _document(value, "The field metadata is not JSON")
        else:
            fields[name] = value
    return Body(fields=fields, files=tuple(files))


def limited(request: Request, max_bytes: int) -> Request:
    """Return the request with a body that refuses to grow beyond `max_bytes`."""
    refusal = Rejected(
        413, ErrorCode.BODY_TOO_LARGE, f"The body is larger than the {max_bytes} bytes allowed."
    )
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > max_bytes:
        raise refusal
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            raise refusal
        return message

    return Request(request.scope, receive)


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads: `parse_constant` of `json.loads`."""
    raise ValueError(f"{name} is not a JSON value")


def _document(text: str | bytes, problem: str) -> Any:
    """Return a JSON document; raise `Rejected` (400) with the problem and its reason."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")  # JSON allows no other encoding
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as exc:
        reason = str(exc)
        if isinstance(exc, json.JSONDecodeError):
            reason = f"{exc.msg} at line {exc.lineno}, column {exc.colno}"
        elif isinstance(exc, RecursionError):
            reason = "it is nested too deeply"
        elif isinstance(exc, UnicodeDecodeError):
            reason = "it is not UTF-8"
        raise Rejected(400, ErrorCode.MALFORMED_JSON, f"{problem}: {reason}.") from exc
