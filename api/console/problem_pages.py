"""Shows problems under `/console` as pages: a sentence, its code, and the way on.

Routes and the guard answer with problems in JSON, as everywhere; ASGI middleware around the whole
application turns them into pages, and an answer that asks for a key into the way to sign in.
"""

import json
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.guard import answer_of
from api.auth.session import SIGN_IN_PATH, STATIC_PATH, is_console
from api.console.page import fragment, page
from api.problems import MEDIA_TYPE

_KEPT = ("retry-after", "ratelimit", "ratelimit-policy", "www-authenticate", "allow")
_UNAUTHORIZED = 401


class ProblemPages:
    """ASGI middleware: holds an answer back when it is a problem, and sends a page instead."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass all other answers on."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not is_console(path) or path.startswith(STATIC_PATH):
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})  # what the guard finds out is seen here, too
        held: list[Message] = []

        async def sending(message: Message) -> None:
            if held or _begins_problem(message):
                held.append(message)
            else:
                await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:  # an unexpected error is answered first, and raised then for the server's log
            if held:
                await _page_of(Request(scope), held)(scope, receive, send)


def install_problem_pages(app: FastAPI) -> None:
    """Put the pages around the application, its handler of unexpected errors included."""
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: ProblemPages(build())  # type: ignore[method-assign]  # no other hook


def _begins_problem(message: Message) -> bool:
    if message["type"] != "http.response.start":
        return False
    return Headers(raw=message["headers"]).get("content-type") == MEDIA_TYPE


def _page_of(request: Request, held: list[Message]) -> Response:
    start, body = held[0], b"".join(message.get("body", b"") for message in held[1:])
    problem = json.loads(body)
    answer = answer_of(request)
    if start["status"] == _UNAUTHORIZED and answer is not None and not answer.is_open:
        response = _to_sign_in(request)
    elif "hx-request" in request.headers:
        piece = fragment(request, "problem_fragment.html.j2", problem=problem)
        response = HTMLResponse(piece, start["status"])
    else:
        response = page(request, "problem.html.j2", status=start["status"], problem=problem)
    headers = Headers(raw=start["headers"])
    response.headers.update({name: headers[name] for name in _KEPT if name in headers})
    return response


def _to_sign_in(request: Request) -> Response:
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": SIGN_IN_PATH})
    if request.method != "GET":
        return RedirectResponse(SIGN_IN_PATH, 303)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{SIGN_IN_PATH}?{urlencode({'next': here})}", 303)
