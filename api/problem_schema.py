"""Says in the OpenAPI document that every error is a problem, with examples that are real."""

from typing import Any

from fastapi import FastAPI

from api.document import Document, extend_document, operations
from api.problems import MEDIA_TYPE, problem_body
from infra.errors import ErrorCode

_NAME = "Problem"
_ANSWER = {"$ref": f"#/components/schemas/{_NAME}"}
_SCHEMA: dict[str, Any] = {
    "title": _NAME,
    "description": "An error (RFC 9457); `code` is stable and for programs, see docs/errors.md.",
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
            "description": "The fields that are wrong, or the rows of an imported file",
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
_MISTAKE = problem_body(
    422, ErrorCode.INVALID_URL, "image_urls[1]: The URL has no host. Nothing was accepted."
)
_ABSENT = problem_body(404, ErrorCode.NOT_FOUND, "There is no job '7'.")
_OUTAGE = problem_body(
    503, ErrorCode.DATABASE_UNAVAILABLE, "PostgreSQL does not answer; nothing was written."
)


def describe_problems(app: FastAPI) -> None:
    """Make every operation of the application's document name its errors."""
    extend_document(app, _name_problems)


def _name_problems(document: Document) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas[_NAME] = _SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path, operation in operations(document):
        _name_errors(operation["responses"], has_id="{" in path)


def _name_errors(responses: dict[str, Any], *, has_id: bool) -> None:
    responses["422"] = _answer("Something in the request is wrong", _MISTAKE)
    if has_id:
        responses.setdefault("404", _answer("Nothing has this id", _ABSENT))
    responses.setdefault("503", _answer("A part is away: see `Retry-After`", _OUTAGE))
    responses["default"] = _answer("Any other error", None)
    for answer in responses.values():
        for media_type, content in answer.get("content", {}).items():
            if media_type == MEDIA_TYPE:
                content["schema"] = _ANSWER


def _answer(description: str, shown: dict[str, Any] | None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _ANSWER}
    if shown is not None:
        content["example"] = shown
    return {"description": description, "content": {MEDIA_TYPE: content}}
