"""Puts access control around the application, in the order in which requests meet it.

The OpenAPI document says how callers show their key, and how they are refused.
"""

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.guard import OPEN_PATHS, Guard
from api.auth.key_check import KeyCheck
from api.openapi.document import Document, operations
from api.pages.documentation import CONTENT_POLICY, DOCS_PATH
from api.problems import MEDIA_TYPE
from api.request_names import RequestNames
from infra.request_id import HEADER
from infra.settings.sections import ApiSettings

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_ASKED = (
    *("Authorization", "X-API-Key", "Content-Type"),
    *("Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", HEADER),
)
_SHOWN = (
    *("ETag", "Idempotent-Replayed", "Location", "WWW-Authenticate", "X-Cache"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", HEADER),
)
_FIELDS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "no-referrer",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE = f"{_NOTHING}; {CONTENT_POLICY}"
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


class BrowserRules:
    """ASGI middleware: tells browsers to load nothing, frame nothing and guess no type.

    It adds the header fields that an answer does not have, also to answers to errors.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, answers with their fields."""
        policy = _PAGE if scope.get("path") == DOCS_PATH else _NOTHING

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**_FIELDS, "Content-Security-Policy": policy}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


def install_access(app: FastAPI, settings: ApiSettings) -> None:
    """Guard every route; let pages of other origins in only when the settings name them."""
    app.state.key_check = KeyCheck(settings)
    app.add_middleware(Guard, settings=settings, keys=app.state.key_check)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=_METHODS,
            allow_headers=_ASKED,
            expose_headers=_SHOWN,
            allow_credentials=False,
        )
    build = app.build_middleware_stack

    def build_within() -> ASGIApp:  # around the handler of surprises, where no middleware can be
        return RequestNames(BrowserRules(build()))

    app.build_middleware_stack = build_within  # type: ignore[method-assign]  # no other hook


def name_keys(document: Document) -> None:
    """Make every guarded operation name the keys, and the answers to those without one."""
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, operation in operations(document):
        if path in OPEN_PATHS:
            continue
        operation["security"] = _SECURITY
        for status, description in _REFUSALS.items():
            content = {MEDIA_TYPE: {"schema": {"type": "object"}}}
            operation["responses"].setdefault(
                status, {"description": description, "content": content}
            )
