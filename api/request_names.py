"""Names every request, and tells the name to its caller: `X-Request-ID`."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from infra.request_id import FIELD, HEADER, new_request_id, usable


class RequestNames:
    """ASGI middleware around everything, so that refusals and surprises carry the name too.

    A name of the caller's that no log could carry as it is is replaced by a new one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, with the request's name bound to the logs."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = usable(Headers(scope=scope).get(HEADER)) or new_request_id()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = name
            await send(message)

        with bound_contextvars(**{FIELD: name}):
            await self._app(scope, receive, sending)
