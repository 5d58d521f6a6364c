"""What every answer tells browsers: load nothing, show it in no frame, do not guess its type.

Outside everything else, so that answers to errors carry it too.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FIELDS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "no-referrer",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_SCRIPTS = "https://cdn.jsdelivr.net"  # where FastAPI's pages load their scripts from
_PAGES = (
    f"{_NOTHING}; script-src 'unsafe-inline' {_SCRIPTS}; worker-src blob:; connect-src 'self'; "
    f"style-src 'unsafe-inline' {_SCRIPTS} https://fonts.googleapis.com; "
    "font-src https://fonts.gstatic.com; img-src 'self' data: https://fastapi.tiangolo.com"
)
_PAGE_PATHS = frozenset({"/docs", "/redoc", "/docs/oauth2-redirect"})


class BrowserRules:
    """ASGI middleware that adds the header fields which the answer does not have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, answers with their fields."""
        policy = _PAGES if scope.get("path") in _PAGE_PATHS else _NOTHING

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**_FIELDS, "Content-Security-Policy": policy}.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)
