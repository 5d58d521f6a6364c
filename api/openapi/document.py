"""Adds to the OpenAPI document what FastAPI cannot find out by itself."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI

Document = dict[str, Any]

_METHODS = frozenset({"get", "put", "post", "delete", "patch"})


def extend_document(app: FastAPI, *extensions: Callable[[Document], None]) -> None:
    """Have the document extended in this order when it is made."""
    describe = app.openapi

    def describe_more() -> Document:
        fresh = app.openapi_schema is None
        document = describe()
        if fresh:
            for extend in extensions:
                extend(document)
        return document

    app.openapi = describe_more  # type: ignore[method-assign]  # FastAPI's documented way


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield every operation with its path."""
    for path, item in document["paths"].items():
        for method in _METHODS & item.keys():
            yield path, item[method]
