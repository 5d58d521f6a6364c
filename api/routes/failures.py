"""`/failures`: failed images in groups, and a batch that retries a group."""

from http import HTTPStatus

from fastapi import APIRouter, Response

from api.bodies.idempotency_key import Key
from api.dependencies import JsonBody, Resources
from api.openapi.problem_examples import JSON_BODY, answers
from api.schemas.failures import FailureRetry, Failures
from api.schemas.product_requests import body_schema
from api.schemas.reprocess import ReprocessStarted
from api.schemas.submissions import parsed
from infra.contract.errors import ErrorCode
from tasks.reprocess.start import Origin, start

# Whoever may retry each image may retry them together: the batch makes no more than that.
router = APIRouter(prefix="/failures", tags=["batches"])

_REFUSALS = answers(
    *(*JSON_BODY, ErrorCode.INVALID_IDEMPOTENCY_KEY, ErrorCode.IDEMPOTENCY_CONFLICT),
    *(ErrorCode.UNKNOWN_HOST, ErrorCode.UNKNOWN_ERROR_CODE),
)


@router.get("", response_model=Failures, summary="Group failed images")
async def get_failures(resources: Resources) -> Failures:
    """Return the images that show a failure, by error code, by source host and by both.

    A few seconds old at most. `GET /products?error_code=…&host=…` lists their products.
    """
    return Failures.of(await resources.failures.get())


@router.post(
    "/retry",
    status_code=202,
    response_model=ReprocessStarted,
    responses={
        200: {
            "model": ReprocessStarted,
            "description": "Nothing to retry, or the batch that retries the same already.",
        },
        **_REFUSALS,
    },
    openapi_extra=body_schema(FailureRetry),
    summary="Retry failed images",
)
def post_retry(
    body: JsonBody, resources: Resources, key: Key, response: Response
) -> ReprocessStarted:
    """Start a batch that asks suppliers again for images that failed, and makes them.

    When nothing has failed, no batch starts and `batch_id` is null. While such a batch is running,
    the same request returns it.
    """
    selector, presets = parsed(FailureRetry, body).selector(), resources.configuration.presets
    started = start(resources.database, selector, presets, origin=Origin(key=key))
    if started.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if started.replayed or started.batch_id is None:
        response.status_code = HTTPStatus.OK
    answer = ReprocessStarted.started(started)
    if answer.status_url is not None:
        response.headers["Location"] = answer.status_url
    return answer
