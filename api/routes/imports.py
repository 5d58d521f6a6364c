"""`POST /imports`: import a catalogue as one batch."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel

from api.bodies.idempotency_key import Key
from api.dependencies import Resources
from api.imports.query import ImportQuery
from api.imports.read import Limits, open_reader
from api.imports.record import FileKind
from api.imports.upload import File, ImportedFile
from api.openapi.problem_examples import URL, answers
from api.problems import problem
from api.schemas.batches import (
    AcceptedImport,
    CheckedImport,
    PreviewProduct,
    counted,
)
from api.schemas.submissions import callback_of, require_preset
from infra.contract.errors import ErrorCode
from infra.db.ids import new_id
from infra.db.storable import visible
from tasks.imports.accept import WantedImport, accept, is_acceptable
from tasks.imports.spool import Spool

router = APIRouter(prefix="/imports", tags=["batches"])

_PIECE_BYTES = 1 << 20
_CSV = """sku,product_name,price,currency,image_urls
SHOE-42,Running shoe,79.90,EUR,https://example.com/front.jpg | https://example.com/back.jpg
"""
_NDJSON = '{"sku": "SHOE-42", "image_urls": ["https://example.com/front.jpg"]}\n'
_FEED = """<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><item>
<g:id>SHOE-42</g:id><g:image_link>https://example.com/front.jpg</g:image_link>
</item></channel></rss>
"""
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TEXT = {"type": "string"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": _TEXT, "example": _CSV},
            "application/x-ndjson": {"schema": _TEXT, "example": _NDJSON},
            "application/xml": {"schema": _TEXT, "example": _FEED},
            _XLSX: {"schema": {"type": "string", "format": "binary"}},
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
    """Read a file and store its rows in one transaction; jobs follow in slices.

    CSV, NDJSON, Excel workbooks (XLSX) and Google product feeds (XML) are recognised by themselves.
    """
    configuration, rules = resources.configuration, resources.url_rules
    require_preset(wanted.preset, configuration.presets)
    callback_url = callback_of(wanted.callback_url, rules)
    limits = Limits(configuration.api, configuration.imports, rules)
    file_rules = wanted.rules(rules)
    with (
        Spool(new_id(), images=configuration.api.max_urls) as spool,
        open_reader(file.file, file.told, file_rules, limits=limits) as reader,
    ):
        for row in reader.rows():
            spool.add(row)
        tally = spool.merge()
        found = {**counted(tally), "read": reader.shown()}
        acceptable = is_acceptable(wanted.policy, tally)
        if wanted.dry_run:
            preview = [PreviewProduct.of(product) for product in tally.preview]
            return _answer(200, CheckedImport(acceptable=acceptable, preview=preview, **found))
        if not acceptable:
            detail = (
                f"{tally.rejected} of {tally.rows} rows cannot be accepted; nothing was written. "
                "Correct them, or send policy=reject_rows to import the others."
            )
            return problem(422, ErrorCode.INVALID_ROWS, detail, **jsonable_encoder(found))
        name = wanted.name or file.name
        order = WantedImport(
            preset=wanted.preset,
            policy=wanted.policy,
            sha256=_sha256(file, wanted, reader.facts.kind),
            name=None if name is None else visible(name)[:200],
            callback_url=callback_url,
        )
        accepted = accept(resources.database, order, spool, key=key)
    here = f"/batches/{accepted.batch_id}"
    answer = AcceptedImport(batch_id=accepted.batch_id, status_url=here, **found)
    headers = {"Location": here} | ({"Idempotent-Replayed": "true"} if accepted.replayed else {})
    return _answer(200 if accepted.replayed else 202, answer, headers)


def _sha256(file: ImportedFile, wanted: ImportQuery, kind: FileKind) -> str:
    """Return the digest of what a caller wants: the file and all that goes with it."""
    file.file.seek(0)
    digest = hashlib.sha256()
    while piece := file.file.read(_PIECE_BYTES):
        digest.update(piece)
    asked = wanted.model_dump(mode="json", exclude={"dry_run", "name"}) | {"kind": kind}
    digest.update(json.dumps(asked, sort_keys=True).encode())
    return digest.hexdigest()


def _answer(status: int, body: BaseModel, headers: dict[str, str] | None = None) -> Response:
    return Response(body.model_dump_json(), status, headers=headers, media_type="application/json")
