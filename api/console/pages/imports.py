"""Importing a file: what is in it first, without storing anything, then the import itself."""

import json
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData, UploadFile

from api.auth.guard import caller_key
from api.auth.session import CONSOLE_PATH
from api.console.page import fragment, page, redirect
from api.console.viewer import Form
from api.dependencies import Resources
from api.imports.columns import FIELDS
from api.imports.query import ImportQuery
from api.imports.upload import ImportedFile, imported
from api.routes.imports import post_import
from api.schemas.submissions import parsed
from infra.contract.errors import ErrorCode, Rejected
from tasks.imports.row import ImportPolicy
from tasks.submission.key_reservation import RequestKey

router = APIRouter(prefix=f"{CONSOLE_PATH}/imports", include_in_schema=False)

_QUERY = ("preset", "policy", "name")


@router.get("")
def get_import(request: Request, resources: Resources) -> Response:
    """Show the form."""
    return page(
        request,
        "import.html.j2",
        presets=list(resources.configuration.presets),
        policies=list(ImportPolicy),
        columns=list(FIELDS),
        once=uuid4(),
        max_bytes=resources.configuration.imports.max_bytes,
        max_rows=resources.configuration.imports.max_rows,
    )


@router.post("/check")
def post_check(request: Request, resources: Resources, form: Form) -> Response:
    """Say what is in a file; nothing is stored."""
    found = post_import(_wanted(form, dry_run=True), _file(form), resources, None)
    told = _told(found)
    if "hx-request" in request.headers:
        return HTMLResponse(fragment(request, "import_check.html.j2", found=told))
    return page(request, "import_checked.html.j2", found=told)


@router.post("/start")
def post_start(request: Request, resources: Resources, form: Form) -> Response:
    """Import a file; the same form sent twice imports it once."""
    kept_seconds = resources.configuration.api.idempotency_seconds
    once = str(form.get("once", ""))
    key = RequestKey(f"console-{once}", kept_seconds, owner=caller_key(request)) if once else None
    answer = post_import(_wanted(form, dry_run=False), _file(form), resources, key)
    if not answer.status_code < 300:
        return answer
    return redirect(f"/batches/{_told(answer)['batch_id']}", done="imported")


def _wanted(form: FormData, *, dry_run: bool) -> ImportQuery:
    filled = {name: form[name] for name in _QUERY if form.get(name)}
    return parsed(ImportQuery, {**filled, "dry_run": dry_run})


def _file(form: FormData) -> ImportedFile:
    upload = form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise Rejected(422, ErrorCode.INVALID_REQUEST, "No file was chosen. Choose a file first.")
    return imported(upload)


def _told(answer: Response) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(bytes(answer.body))
    return told
