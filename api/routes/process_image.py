"""`POST /process-image`: accept images and answer at once."""

from dataclasses import replace
from http import HTTPStatus

from fastapi import APIRouter, Response

from api.bodies.idempotency_key import Key
from api.dependencies import RequestBody, Resources
from api.openapi.problem_examples import JSON_BODY, URL, Answers, answers
from api.schemas.jobs import Accepted
from api.schemas.submissions import ProcessImageRequest, check_count, parsed, to_submission
from infra.contract.errors import ErrorCode
from tasks.submission.idempotency import submit_once
from tasks.submission.submit import submit
from tasks.submission.uploads import store_upload

router = APIRouter(tags=["jobs"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": ProcessImageRequest.model_json_schema(),
                "examples": {
                    "one image": {"value": {"image_url": "https://example.com/image.jpg"}},
                    "a product": {
                        "value": {
                            "sku": "SHOE-42",
                            "image_urls": [
                                "https://example.com/front.jpg",
                                "https://example.com/back.jpg",
                            ],
                        }
                    },
                },
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        },
                        "sku": {"type": "string"},
                    },
                }
            },
        },
    }
}

_ANSWERS: Answers = {
    200: {"model": Accepted, "description": "The job of an earlier, equal request."},
    **answers(
        *JSON_BODY,
        ErrorCode.INVALID_IDEMPOTENCY_KEY,
        ErrorCode.NOT_FOUND,
        ErrorCode.IDEMPOTENCY_CONFLICT,
        *URL,
        ErrorCode.TOO_MANY_URLS,
        ErrorCode.UNKNOWN_PRESET,
        ErrorCode.UNSUPPORTED_FORMAT,
        ErrorCode.STORE_UNAVAILABLE,
        ErrorCode.QUEUE_FULL,
    ),
}


@router.post(
    "/process-image",
    status_code=202,
    response_model=Accepted,
    responses=_ANSWERS,
    openapi_extra=_BODY,
    summary="Process images of a product",
)
def process_image(
    body: RequestBody, resources: Resources, key: Key, response: Response
) -> Accepted:
    """Accept images of one product as a job, and answer before they are processed."""
    settings, presets = resources.configuration.api, resources.configuration.presets
    request = parsed(ProcessImageRequest, body.fields)
    check_count(request, len(body.files), settings)
    # Refuse a bad request before its files are stored.
    to_submission(request, (), rules=resources.url_rules, presets=presets)
    heic = resources.configuration.decoders.heic_enabled
    uploads = [
        store_upload(resources.store, path, index=index, heic=heic)
        for index, path in enumerate(body.files)
    ]
    submission = to_submission(request, uploads, rules=resources.url_rules, presets=presets)
    submission = replace(submission, bound=resources.queue_bound)
    if key is None:
        submitted = submit(resources.database, submission)
    else:
        submitted = submit_once(resources.database, submission, key)
    resources.dispatcher.wake()
    if submitted.replayed:
        response.status_code = HTTPStatus.OK
        response.headers["Idempotent-Replayed"] = "true"
    accepted = Accepted.of(submitted)
    response.headers["Location"] = accepted.status_url
    return accepted
