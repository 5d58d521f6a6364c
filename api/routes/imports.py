"""`POST /imports` imports a catalogue as one batch; `/mappings` keep how files are read."""

import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel

from api.bodies.idempotency_key import Key
from api.dependencies import JsonBody, Resources
from api.imports.query import ImportQuery, MappingPage, Reading, SavedMapping
from api.imports.read import Limits, open_reader
from api.imports.upload import File, ImportedFile
from api.openapi.problem_examples import JSON_BODY, URL, answers
from api.problems import problem
from api.resources import ApiResources
from api.schemas.batches import (
    AcceptedImport,
    CheckedImport,
    PreviewProduct,
    counted,
)
from api.schemas.product_requests import body_schema
from api.schemas.submissions import callback_of, parsed, require_preset
from infra.contract.errors import ErrorCode, Rejected
from infra.db.ids import new_id
from infra.db.storable import StorableText, visible
from tasks.imports.accept import WantedImport, accept, is_acceptable
from tasks.imports.mappings import (
    find_mapping,
    forget_mapping,
    list_mappings,
    no_mapping,
    save_mapping,
)
from tasks.imports.spool import Spool
from tasks.submission.uploads import Upload, store_upload

router = APIRouter(tags=["batches"])
Limit = Annotated[int, Query(ge=1, le=200)]
Name = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="letters, digits, `.`, `_` and `-`",
        examples=["acme"],
    ),
]

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
_BINARY = {"type": "string", "format": "binary"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": _TEXT, "example": _CSV},
            "application/x-ndjson": {"schema": _TEXT, "example": _NDJSON},
            "application/xml": {"schema": _TEXT, "example": _FEED},
            _XLSX: {"schema": _BINARY},
            "application/zip": {"schema": _BINARY},
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
        ErrorCode.STORE_UNAVAILABLE,
    ),
}


@router.post(
    "/imports",
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

    CSV, NDJSON, Excel workbooks (XLSX), Google product feeds (XML) and ZIP archives of pictures are
    recognised by themselves.
    """
    configuration, rules = resources.configuration, resources.url_rules
    require_preset(wanted.preset, configuration.presets)
    callback_url = callback_of(wanted.callback_url, rules)
    heic = configuration.decoders.heic_enabled
    limits = Limits(configuration.api, configuration.imports, rules, heic)
    reading = wanted.reading(_saved(wanted.mapping, resources))
    file_rules = reading.rules(rules)
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
        uploads: list[Upload] = []
        if reader.pictures is not None:
            uploads = reader.pictures.store(
                lambda path, place: store_upload(resources.store, path, index=place, heic=heic)
            )
        name = wanted.name or file.name
        order = WantedImport(
            preset=wanted.preset,
            policy=wanted.policy,
            sha256=_sha256(file, wanted, reading.told | {"kind": reader.facts.kind}),
            reading=reading.told | ({"mapping": wanted.mapping} if wanted.mapping else {}),
            name=None if name is None else visible(name)[:200],
            callback_url=callback_url,
            uploads=tuple(uploads),
        )
        accepted = accept(resources.database, order, spool, key=key)
    here = f"/batches/{accepted.batch_id}"
    answer = AcceptedImport(batch_id=accepted.batch_id, status_url=here, **found)
    headers = {"Location": here} | ({"Idempotent-Replayed": "true"} if accepted.replayed else {})
    return _answer(200 if accepted.replayed else 202, answer, headers)


@router.get("/mappings", response_model=MappingPage, summary="List mappings by name")
def get_mappings(
    resources: Resources, after: StorableText | None = None, limit: Limit = 50
) -> MappingPage:
    """Return one page; `next` leads to the following one."""
    found = list_mappings(resources.database, limit=limit, after=after)
    following = None
    if len(found) == limit:
        following = f"/mappings?{urlencode({'limit': limit, 'after': found[-1].name})}"
    return MappingPage(mappings=[SavedMapping.of(view) for view in found], next=following)


@router.get("/mappings/{name}", response_model=SavedMapping, summary="Show a mapping")
def get_mapping(name: Name, resources: Resources) -> SavedMapping:
    """Return how files are read with `mapping=` and this name."""
    view = find_mapping(resources.database, name)
    if view is None:
        raise no_mapping(name)
    return SavedMapping.of(view)


@router.put(
    "/mappings/{name}",
    response_model=SavedMapping,
    responses={
        201: {"model": SavedMapping, "description": "The mapping is new."},
        **answers(*JSON_BODY, *URL),
    },
    openapi_extra=body_schema(Reading),
    summary="Save a mapping",
)
def put_mapping(
    name: Name, members: JsonBody, resources: Resources, response: Response
) -> SavedMapping:
    """Keep it in place of the one of that name. `POST /imports?mapping=…` reads files by it."""
    reading = parsed(Reading, members)
    reading.rules(resources.url_rules)
    view, is_new = save_mapping(resources.database, name, reading.told)
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return SavedMapping.of(view)


@router.delete("/mappings/{name}", status_code=204, summary="Delete a mapping")
def delete_mapping(name: Name, resources: Resources) -> None:
    """Forget it. Batches that were imported by it stay as they are."""
    forget_mapping(resources.database, name)


def _saved(name: str | None, resources: ApiResources) -> Mapping[str, Any]:
    """Return what a saved mapping says; raise `Rejected` (422) when there is none of that name."""
    if name is None:
        return {}
    view = find_mapping(resources.database, name)
    if view is None:
        told = f"mapping: there is no {name!r}. `GET /mappings` lists them."
        raise Rejected(422, ErrorCode.INVALID_REQUEST, told)
    return view.reading


def _sha256(file: ImportedFile, wanted: ImportQuery, reading: dict[str, Any]) -> str:
    """Return the digest of what a caller wants: the file and all that goes with it."""
    file.file.seek(0)
    digest = hashlib.sha256()
    while piece := file.file.read(_PIECE_BYTES):
        digest.update(piece)
    asked = wanted.model_dump(mode="json", exclude={"dry_run", "name"}) | reading
    digest.update(json.dumps(asked, sort_keys=True).encode())
    return digest.hexdigest()


def _answer(status: int, body: BaseModel, headers: dict[str, str] | None = None) -> Response:
    return Response(body.model_dump_json(), status, headers=headers, media_type="application/json")
