"""Says in the OpenAPI document how callers show their key, and how they are refused."""

from typing import Any

from fastapi import FastAPI

from api.auth.guard import OPEN_PATHS
from api.openapi.document import Document, extend_document, operations
from api.problems import MEDIA_TYPE

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}, {}]  # {}: without any key
_REFUSALS = {
    "401": "A key is needed (`unauthorized`)",
    "403": "The key's scope is not enough (`forbidden`)",
    "429": "Too many requests (`rate_limited`); `Retry-After` says when to come back",
}


def describe_access(app: FastAPI) -> None:
    """Make the application's document name the keys."""
    extend_document(app, _name_keys)


def _name_keys(document: Document) -> None:
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, operation in operations(document):
        if path in OPEN_PATHS:
            continue
        operation["security"] = _SECURITY
        for status, description in _REFUSALS.items():
            operation["responses"].setdefault(status, _problem(description))


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
