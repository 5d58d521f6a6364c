"""Errors as `application/problem+json` (RFC 9457) with a stable `code`."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.sentences import sentence
from infra.contract.errors import ErrorCode, QueueFull, Rejected, ServiceUnavailable

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_CODES = {
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.BODY_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """Return a problem response; `members` are extension members."""
    body = {**problem_body(status, code, detail), **members}
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def problem_body(status: int, code: str, detail: str) -> dict[str, Any]:
    """Return the members that every problem has."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }


def unavailable(exc: ServiceUnavailable) -> JSONResponse:
    """Return 503 with the time after which another try makes sense."""
    return problem(503, exc.code, exc.detail, headers=_retry_after(exc.retry_after_seconds))


def _retry_after(seconds: float | None) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds or 5)))}


def no_such_page(path: str) -> Rejected:
    """Return the refusal of an address that does not exist."""
    return Rejected(404, ErrorCode.NOT_FOUND, f"There is nothing at {path}.")


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem."""

    @app.exception_handler(Rejected)
    def rejected(_request: Request, exc: Rejected) -> JSONResponse:
        later = exc.retry_after_seconds
        headers = None if later is None else {"Retry-After": str(later)}
        return problem(exc.status, exc.code, exc.detail, headers=headers)

    @app.exception_handler(QueueFull)
    def queue_full(_request: Request, exc: QueueFull) -> JSONResponse:
        return problem(429, exc.code, exc.detail, headers=_retry_after(exc.retry_after_seconds))

    @app.exception_handler(ServiceUnavailable)
    def away(request: Request, exc: ServiceUnavailable) -> JSONResponse:
        log.warning("request refused", code=exc.code, path=request.url.path)
        return unavailable(exc)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, exc: RequestValidationError) -> JSONResponse:
        errors = [
            {"pointer": "/" + "/".join(map(str, error["loc"])), "detail": sentence(error)}
            for error in exc.errors()
        ]
        where = "; ".join(f"{error['pointer']}: {error['detail']}" for error in errors)
        return problem(422, ErrorCode.INVALID_REQUEST, where, errors=errors)

    @app.exception_handler(HTTPException)
    def http(request: Request, exc: HTTPException) -> JSONResponse:
        code = _CODES.get(exc.status_code, ErrorCode.INVALID_REQUEST)
        detail = {
            404: no_such_page(request.url.path).detail,
            405: f"{request.method} is not possible at {request.url.path}.",
        }.get(exc.status_code, str(exc.detail))
        return problem(exc.status_code, code, detail, headers=dict(exc.headers or {}))

    @app.exception_handler(ClientDisconnect)
    def gone(_request: Request, _exc: ClientDisconnect) -> Response:
        return Response(status_code=400)  # the caller went away or was too slow: it hears nothing

    @app.exception_handler(Exception)
    def unexpected(_request: Request, _exc: Exception) -> JSONResponse:
        return problem(
            500,
            ErrorCode.INTERNAL_ERROR,
            "Something went wrong on our side. The log has the details; trying again may help.",
        )
