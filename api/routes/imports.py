"""`POST /imports`: import a catalogue as one batch."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, ConfigDict, Field

from api.bodies.idempotency_key import Key
from api.dependencies import Resources
from api.imports.read import Limits, read_rows
from api.imports.upload import File, ImportedFile
from api.openapi.problem_examples import URL, answers
from api.problems import problem
from api.schemas.batches import AcceptedImport, CheckedImport, counted
from api.schemas.submissions import callback_of, require_preset
from infra.contract.errors import ErrorCode
from infra.db.ids import new_id
from infra.db.storable import LineText, StorableText, visible
from tasks.imports.accept import WantedImport, accept, is_acceptable
from tasks.imports.row import ImportPolicy
from tasks.imports.spool import Spool

router = APIRouter(prefix="/imports", tags=["batches"])

_PIECE_BYTES = 1 << 20
_CSV = """sku,product_name,price,currency,image_urls
SHOE-42,Running shoe,79.90,EUR,https://example.com/front.jpg | https://example.com/back.jpg
"""
_NDJSON = '{"sku": "SHOE-42", "image_urls": ["https://example.com/front.jpg"]}\n'
_TEXT = {"type": "string"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": _TEXT, "example": _CSV},
            "application/x-ndjson": {"schema": _TEXT, "example": _NDJSON},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": CheckedImport | AcceptedImport,
        "description": "What a dry run found, or the batch of an earlier, equal request",
    },
    **answers(
        *(ErrorCode.INVALID_IDEMPOTENCY_KEY, ErrorCode.IDEMPOTENCY_CONFLICT),
        *(ErrorCode.BODY_TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE),
        *(ErrorCode.INVALID_ROWS, ErrorCode.UNKNOWN_PRESET, ErrorCode.INVALID_REQUEST, *URL),
    ),
}


class ImportQuery(BaseModel):
    """How a file is taken."""

    model_config = ConfigDict(extra="forbid")

    policy: ImportPolicy = Field(ImportPolicy.REJECT_ALL, description="how bad rows are treated")
    dry_run: bool = Field(default=False, description="only check the file, import nothing")
    preset: StorableText = Field("web", description="which variants are made")
    callback_url: str | None = Field(None, description="receives a message when the batch ends")
    name: LineText | None = Field(
        None, max_length=200, description="a name for the batch; the file's name by default"
    )


@router.post(
    "",
    status_code=202,
    response_model=AcceptedImport,
    responses=_RESPONSES,
    openapi_extra=_BODY,
    summary="Import a catalogue",
)
def post_import(
    wanted: Annotated[ImportQuery, Query()], file: File, resources: Resources, key: Key
) -> Response:
    """Read a CSV or NDJSON file and store its rows in one transaction; jobs follow in slices."""
    configuration, rules = resources.configuration, resources.url_rules
    require_preset(wanted.preset, configuration.presets)
    callback_url = callback_of(wanted.callback_url, rules)
    limits = Limits(configuration.api, configuration.imports, rules)
    with Spool(new_id()) as spool:
        for row in read_rows(file.file, file.kind, limits):
            spool.add(row)
        tally = spool.tally
        acceptable = is_acceptable(wanted.policy, tally)
        if wanted.dry_run:
            return _answer(200, CheckedImport(acceptable=acceptable, **counted(tally)))
        if not acceptable:
            detail = (
                f"{tally.rejected} of {tally.rows} rows cannot be accepted; nothing was written. "
                "Correct them, or send policy=reject_rows to import the others."
            )
            found = jsonable_encoder(counted(tally))
            return problem(422, ErrorCode.INVALID_ROWS, detail, **found)
        name = wanted.name or file.name
        order = WantedImport(
            preset=wanted.preset,
            policy=wanted.policy,
            sha256=_sha256(file, wanted),
            name=None if name is None else visible(name)[:200],
            callback_url=callback_url,
        )
        accepted = accept(resources.database, order, spool, key=key)
    here = f"/batches/{accepted.batch_id}"
    answer = AcceptedImport(batch_id=accepted.batch_id, status_url=here, **counted(tally))
    headers = {"Location": here} | ({"Idempotent-Replayed": "true"} if accepted.replayed else {})
    return _answer(200 if accepted.replayed else 202, answer, headers)


def _sha256(file: ImportedFile, wanted: ImportQuery) -> str:
    """Return the digest of what a caller wants: the file and all that goes with it."""
    file.file.seek(0)
    digest = hashlib.sha256()
    while piece := file.file.read(_PIECE_BYTES):
        digest.update(piece)
    asked = wanted.model_dump(mode="json", exclude={"dry_run", "name"}) | {"kind": file.kind}
    digest.update(json.dumps(asked, sort_keys=True).encode())
    return digest.hexdigest()


def _answer(status: int, body: BaseModel, headers: dict[str, str] | None = None) -> Response:
    return Response(body.model_dump_json(), status, headers=headers, media_type="application/json")
