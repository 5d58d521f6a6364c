"""Puts access control around the application, in the order in which requests meet it."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from api.auth.browser import BrowserRules
from api.auth.guard import Guard
from api.auth.openapi import describe_access
from infra.settings.sections import ApiSettings

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_ASKED = (
    *("Authorization", "X-API-Key", "Content-Type"),
    *("Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID"),
)
_SHOWN = (
    *("ETag", "Idempotent-Replayed", "Location", "WWW-Authenticate", "X-Cache"),
    *("RateLimit", "RateLimit-Policy", "Retry-After"),
)


def install_access(app: FastAPI, settings: ApiSettings) -> None:
    """Guard every route; let pages of other origins in only when the settings name them."""
    app.add_middleware(Guard, settings=settings)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=_METHODS,
            allow_headers=_ASKED,
            expose_headers=_SHOWN,
            allow_credentials=False,
        )
    _put_around(app)
    describe_access(app)


def _put_around(app: FastAPI) -> None:
    """Put the browser rules outside the handler of surprises, where middleware cannot be added."""
    build = app.build_middleware_stack

    def build_within() -> ASGIApp:
        return BrowserRules(build())

    app.build_middleware_stack = build_within  # type: ignore[method-assign]  # no other hook
