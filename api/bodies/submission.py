"""Reads the body of `POST /process-image`: JSON or multipart, within limits.

JSON is also accepted without a content type and under the one that `curl -d` sends by itself.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
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

_FORM_TYPE = "multipart/form-data"
_LISTS = frozenset({"image_url", "image_urls"})


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of a request as they came, and its files in the order given."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()


async def read_json(request: Request, settings: ApiSettings) -> Body:
    """Return a JSON object's members. Raises `Rejected` (400, 413, 422)."""
    bounded = limited(request, settings.max_json_bytes)
    try:
        text = (await bounded.body()).decode("utf-8-sig")  # JSON allows no other encoding
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise Rejected(
            400, ErrorCode.MALFORMED_JSON, f"The body is not valid JSON: {_reason(exc)}."
        ) from exc
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
    elif media_type == _FORM_TYPE:
        with TemporaryDirectory(prefix="product-images-upload-") as directory:
            yield await _read_form(request, settings, Path(directory))
    else:
        raise Rejected(
            415,
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"{media_type} is not read here. Send application/json or multipart/form-data.",
        )


def media_type_of(content_type: str) -> str:
    """Return the type alone, in lower case."""
    return content_type.partition(";")[0].strip().lower()


async def _read_form(request: Request, settings: ApiSettings, directory: Path) -> Body:
    form = await read_form(
        limited(request, settings.max_upload_bytes),
        FormLimits(
            files=settings.max_urls,
            file_bytes=settings.max_file_bytes,
            fields=settings.max_form_fields,
            field_bytes=settings.max_json_bytes,
        ),
    )
    try:
        return await run_in_threadpool(_save_form, form, directory)
    finally:
        await form.close()


def _save_form(form: FormData, directory: Path) -> Body:
    fields: dict[str, Any] = {}
    files: list[Path] = []
    for name, value in form.multi_items():
        if _is_left_empty(value):
            continue
        if isinstance(value, UploadFile):
            files.append(_save_file(value, directory / str(len(files))))
        elif name in _LISTS:
            fields.setdefault("image_urls", []).append(value)
        elif name == "metadata":
            fields[name] = _form_json(value)
        else:
            fields[name] = value
    return Body(fields=fields, files=tuple(files))


def _is_left_empty(value: UploadFile | str) -> bool:
    """Whether a browser sends this for an input that was not filled in."""
    if isinstance(value, UploadFile):
        return not value.filename and not value.size
    return not value.strip()


def _save_file(upload: UploadFile, path: Path) -> Path:
    with path.open("wb") as target:
        while chunk := upload.file.read(256 * 1024):
            target.write(chunk)
    return path


def _form_json(value: str) -> Any:
    try:
        return json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise Rejected(
            400, ErrorCode.MALFORMED_JSON, f"The field metadata is not JSON: {_reason(exc)}."
        ) from exc


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


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _reason(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"{exc.msg} at line {exc.lineno}, column {exc.colno}"
    if isinstance(exc, RecursionError):
        return "it is nested too deeply"
    return "it is not UTF-8" if isinstance(exc, UnicodeDecodeError) else str(exc)
