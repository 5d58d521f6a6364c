"""Says in the OpenAPI document that every error is a problem, with examples that are real."""

import re
from typing import Any

from api.openapi.document import Document, operations
from api.openapi.problem_examples import shown
from api.problems import MEDIA_TYPE
from infra.contract.errors import ErrorCode

_NAME = "Problem"
_ANSWER = {"$ref": f"#/components/schemas/{_NAME}"}
_SCHEMA: dict[str, Any] = {
    "title": _NAME,
    "description": "An error (RFC 9457). Programs read the stable `code`; see docs/errors.md.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "The wrong fields, or the wrong rows of an imported file",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "pointer": {"type": "string"},
                    "line": {"type": "integer", "minimum": 1},
                    "column": {"type": ["string", "null"]},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_USUAL = {
    "401": ErrorCode.UNAUTHORIZED,
    "403": ErrorCode.FORBIDDEN,
    "404": ErrorCode.NOT_FOUND,
    "422": ErrorCode.INVALID_REQUEST,
    "429": ErrorCode.RATE_LIMITED,
    "503": ErrorCode.DATABASE_UNAVAILABLE,
    "default": ErrorCode.INTERNAL_ERROR,
}


def name_problems(document: Document) -> None:
    """Make every operation name its errors."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas[_NAME] = _SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path, operation in operations(document):
        responses = operation["responses"]
        if "application/json" in responses.get("422", {}).get("content", {}):
            del responses["422"]  # FastAPI's own, which we do not answer with
        responses.setdefault("422", _answer("Something in the request is wrong"))
        identities = re.findall(r"{(\w+)_id}", path)
        if identities:
            responses.setdefault("404", _answer("Nothing has this id"))
        responses.setdefault("503", _answer("A part is away: see `Retry-After`"))
        responses["default"] = _answer("Any other error")
        for status, answer in responses.items():
            content = answer.get("content", {}).get(MEDIA_TYPE)
            if content is None:
                continue
            content["schema"] = _ANSWER
            if code := _USUAL.get(status):  # every route has it: first among its own
                of_id = status == "404" and identities
                usual = shown(code, f"There is no {identities[-1]} '7'." if of_id else None)
                content["examples"] = {str(code): usual, **content.get("examples", {})}


def _answer(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {}}}
