"""The answers to callers who may not do what they ask for."""

from fastapi.responses import JSONResponse

from api.problems import problem
from infra.contract.errors import ErrorCode
from infra.contract.scopes import Scope
from infra.rate_limit import Allowance

_REALM = 'Bearer realm="product-images"'


def unauthorized(*, offered: bool) -> JSONResponse:
    """Return 401; a wrong key learns nothing about why it is wrong."""
    detail = "Send an API key: `Authorization: Bearer KEY`, or `X-API-Key: KEY`."
    challenge = _REALM
    if offered:
        detail = "This API key is not valid: it is mistyped, unknown, expired or revoked."
        challenge = f'{_REALM}, error="invalid_token"'
    return problem(401, ErrorCode.UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})


def forbidden(needed: Scope, given: Scope) -> JSONResponse:
    """Return 403, naming the scope that is needed."""
    challenge = f'{_REALM}, error="insufficient_scope", scope="{needed}"'
    return problem(
        403,
        ErrorCode.FORBIDDEN,
        f"This needs a key with the scope {needed}; yours has {given}.",
        headers={"WWW-Authenticate": challenge},
    )


def foreign_page() -> JSONResponse:
    """Return 403 for a web page of another site while no key protects the API."""
    return problem(
        403,
        ErrorCode.FORBIDDEN,
        "Web pages of other sites may change nothing here. Name their origin in API_CORS_ORIGINS.",
    )


def not_from_here() -> JSONResponse:
    """Return 401 for a caller from elsewhere while no key protects the API."""
    return problem(
        401,
        ErrorCode.UNAUTHORIZED,
        "No API key exists yet, so only callers on this machine are served, under a name such as "
        "localhost. Make a key (`product-images keys create`) and send it, or set API_OPEN=true "
        "to serve all callers who reach this address.",
        headers={"WWW-Authenticate": _REALM},
    )


def too_many_failures(allowance: Allowance) -> JSONResponse:
    """Return 429 for an address that showed too many wrong keys."""
    seconds = max(1, round(allowance.retry_in_seconds + 0.5))
    return problem(
        429,
        ErrorCode.RATE_LIMITED,
        f"Too many wrong API keys came from your address. Try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )


def rate_limited(allowance: Allowance, per_minute: int) -> JSONResponse:
    """Return 429; the guard adds the header fields that say when to come back."""
    return problem(
        429,
        ErrorCode.RATE_LIMITED,
        f"More than {per_minute} requests in a minute. Try again in "
        f"{allowance.retry_in_seconds:.1f} s.",
    )
