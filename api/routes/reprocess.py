"""`POST /reprocess`: regenerate images, or count them."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.auth.permissions import AdminOnly
from api.bodies.idempotency_key import Key
from api.dependencies import JsonBody, Resources
from api.openapi.problem_examples import JSON_BODY, answers
from api.schemas.reprocess import ReprocessEstimate, ReprocessStarted
from api.schemas.submissions import parsed
from infra.contract.errors import ErrorCode
from tasks.reprocess.estimate import estimate
from tasks.reprocess.request import ReprocessRequest
from tasks.reprocess.start import Origin, start

# One request may have the whole catalogue made again: who may do that is for an operator to say.
router = APIRouter(tags=["batches"], dependencies=[AdminOnly])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": ReprocessRequest.model_json_schema()}},
    }
}

_REFUSALS = answers(
    *(*JSON_BODY, ErrorCode.INVALID_IDEMPOTENCY_KEY, ErrorCode.IDEMPOTENCY_CONFLICT),
    *(ErrorCode.UNKNOWN_PRESET, ErrorCode.UNKNOWN_HOST, ErrorCode.UNKNOWN_SKU),
)


@router.post(
    "/reprocess",
    status_code=202,
    response_model=ReprocessStarted | ReprocessEstimate,
    responses={
        200: {
            "model": ReprocessStarted | ReprocessEstimate,
            "description": "A dry run, nothing to do, or the batch of an earlier, equal request.",
        },
        **_REFUSALS,
    },
    openapi_extra=_BODY,
    summary="Regenerate images",
)
def post_reprocess(
    body: JsonBody, resources: Resources, key: Key, response: Response
) -> ReprocessStarted | ReprocessEstimate:
    """Start a batch that regenerates stale images, or the selected ones.

    `dry_run` only counts. When nothing is to be done, no batch starts and `batch_id` is null.
    """
    wanted, presets = parsed(ReprocessRequest, body), resources.configuration.presets
    if wanted.dry_run:
        response.status_code = HTTPStatus.OK
        return ReprocessEstimate.of(estimate(resources.database, wanted.selector(), presets))
    started = start(resources.database, wanted.selector(), presets, origin=Origin(key=key))
    if started.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if started.replayed or started.batch_id is None:
        response.status_code = HTTPStatus.OK
    answer = ReprocessStarted.started(started)
    if answer.status_url is not None:
        response.headers["Location"] = answer.status_url
    return answer
