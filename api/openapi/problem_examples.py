"""Problems as examples: for each code of a request, the status and a sentence that is real."""

from typing import Any

from api.problems import MEDIA_TYPE, problem_body
from infra.contract.errors import ErrorCode

Answers = dict[int | str, dict[str, Any]]

_SHOWN: dict[ErrorCode, tuple[int, str]] = {
    ErrorCode.NOT_FOUND: (404, "There is no product '7'."),
    ErrorCode.MALFORMED_JSON: (400, "The body is not JSON: line 1, column 15."),
    ErrorCode.INVALID_IDEMPOTENCY_KEY: (
        400,
        "Idempotency-Key must be sent once, with 1 to 255 visible ASCII characters and no spaces.",
    ),
    ErrorCode.UNAUTHORIZED: (
        401,
        "Send an API key: `Authorization: Bearer KEY`, or `X-API-Key: KEY`.",
    ),
    ErrorCode.FORBIDDEN: (403, "This needs a key with the scope write; yours has read."),
    ErrorCode.IDEMPOTENCY_CONFLICT: (409, "This Idempotency-Key was used for another request."),
    ErrorCode.SKU_TAKEN: (409, "Another product has the sku 'SHOE-42'."),
    ErrorCode.JOB_IS_FINAL: (409, "The job has ended already, so it cannot be cancelled."),
    ErrorCode.JOB_NOT_FINAL: (409, "The job is still running; cancel it first or wait."),
    ErrorCode.NOTHING_TO_RETRY: (409, "No image of this job has failed."),
    ErrorCode.BATCH_IS_FINAL: (
        409,
        "The batch is ready already; there is nothing left to cancel.",
    ),
    ErrorCode.BATCH_NOT_FINAL: (409, "The batch has not ended; cancel it first or wait."),
    ErrorCode.WEBHOOK_DISABLED: (409, "The webhook is disabled. Enable it first."),
    ErrorCode.DELIVERY_PENDING: (
        409,
        "The message is not delivered yet and is tried anyway; wait for its end.",
    ),
    ErrorCode.BODY_TOO_LARGE: (413, "The body is larger than 1000000 bytes."),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: (415, "Send JSON, not text/xml."),
    ErrorCode.INVALID_REQUEST: (422, "limit: must be at most 200."),
    ErrorCode.INVALID_ROWS: (
        422,
        "10 of 1250 rows cannot be accepted; nothing was written. Correct them.",
    ),
    ErrorCode.UNKNOWN_HOST: (422, "No image comes from the host images.example.org."),
    ErrorCode.UNKNOWN_ERROR_CODE: (422, "No image fails with the code 'http_42'."),
    ErrorCode.UNKNOWN_SKU: (422, "No product has the sku 'SHOE-43'."),
    ErrorCode.INVALID_URL: (422, "URL 1: The URL names no host. Nothing was accepted."),
    ErrorCode.BLOCKED_ADDRESS: (
        422,
        "URL 0: 10.0.0.1 has a private address, which is not connected to. Nothing was accepted.",
    ),
    ErrorCode.TOO_MANY_URLS: (422, "101 images were sent; 100 are allowed in one request."),
    ErrorCode.UNKNOWN_PRESET: (
        422,
        "There is no preset 'huge'. Known: web, marketplace, thumbnail.",
    ),
    ErrorCode.UNSUPPORTED_FORMAT: (
        422,
        "File 0 is not an image in an accepted format. Nothing was accepted.",
    ),
    ErrorCode.RATE_LIMITED: (
        429,
        "More than 600 requests in a minute. Try again in 0.4 s.",
    ),
    ErrorCode.QUEUE_FULL: (
        429,
        "100000 jobs wait already. Send the request again later; nothing of it was accepted.",
    ),
    ErrorCode.INTERNAL_ERROR: (
        500,
        "Something went wrong on our side. The log has the details; trying again may help.",
    ),
    ErrorCode.DATABASE_UNAVAILABLE: (503, "PostgreSQL does not answer; nothing was written."),
    ErrorCode.STORE_UNAVAILABLE: (503, "The object store does not answer."),
    ErrorCode.DECODE_TIMEOUT: (
        422,
        "Trying the presets took longer than 120 s and was ended.",
    ),
    ErrorCode.TRY_OUTS_FULL: (503, "Presets are tried on 1 pictures at once already."),
    ErrorCode.TOO_MANY_LISTENERS: (503, "200 streams of job events are open already."),
}
JSON_BODY = (ErrorCode.MALFORMED_JSON, ErrorCode.BODY_TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE)
"""What any route can answer that reads a JSON body by itself."""
URL = (ErrorCode.INVALID_URL, ErrorCode.BLOCKED_ADDRESS)
"""What any route can answer that takes a URL to connect to."""


def answers(*codes: ErrorCode) -> Answers:
    """Describe answers with these codes, one entry per status, for a route's `responses`."""
    described: Answers = {}
    for code in codes:
        status, detail = _SHOWN[code]
        answer = described.setdefault(
            status, {"description": "", "content": {MEDIA_TYPE: {"examples": {}}}}
        )
        answer["description"] = ", ".join(filter(None, (answer["description"], f"`{code}`")))
        answer["content"][MEDIA_TYPE]["examples"][str(code)] = shown(code, detail)
    return described


def shown(code: ErrorCode, detail: str | None = None) -> dict[str, Any]:
    """Return a problem with this code as one named example."""
    status, sentence = _SHOWN[code]
    return {"value": problem_body(status, code, detail or sentence)}
