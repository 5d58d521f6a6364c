"""Says in the OpenAPI document how callers show their key, and how they are refused."""

from typing import Any

from fastapi import FastAPI

from api.access.guard import OPEN_PATHS
from api.problems import MEDIA_TYPE

_METHODS = frozenset({"get", "put", "post", "delete", "patch"})
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
    describe = app.openapi

    def describe_with_access() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _extended(describe())
        return app.openapi_schema

    app.openapi = describe_with_access  # type: ignore[method-assign]  # FastAPI's documented way


def _extended(document: dict[str, Any]) -> dict[str, Any]:
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, item in document["paths"].items():
        if path in OPEN_PATHS:
            continue
        for method in _METHODS & item.keys():
            item[method]["security"] = _SECURITY
            for status, description in _REFUSALS.items():
                item[method]["responses"].setdefault(status, _problem(description))
    return document


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
