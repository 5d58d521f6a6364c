"""Lets requests in: by key, by scope, and by rate. Every route is guarded unless it is named here.

Reading needs the scope `read`, everything else `write`; routes that need `admin` say so with the
dependency in `api.access.admin`. While no key exists everybody may do everything.
"""

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from api.access.caller import Caller, caller_of
from api.access.known_keys import Answer, KnownKeys
from api.access.limiter import Limiter, limit_fields
from api.access.refusal import forbidden, foreign_page, rate_limited, unauthorized
from api.problems import unavailable
from api.resources import ApiResources
from infra.errors import ServiceUnavailable
from infra.scope import Scope
from infra.settings import ApiSettings

ANSWER = "access"
"""Where the guard leaves its `Answer` in the request's state."""

OPEN_PATHS = frozenset(
    {"/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}
)
_OPEN_HERE = frozenset({"/metrics"})  # to this machine only
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware. Opens nothing: it uses the resources of the application."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._origins = settings.cors_origins
        self._known = KnownKeys()
        per_minute = settings.rate_limit_per_minute
        self._limiter = Limiter(per_minute) if per_minute else None

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        caller = caller_of(connection) if connection["type"] == "http" else None
        if caller is None or _is_open(connection["path"], caller):
            await self._app(connection, receive, send)
            return
        resources: ApiResources = connection["app"].state.resources
        try:
            answer = await self._ask(resources, caller)
        except ServiceUnavailable as exc:  # nobody knows whether the caller may
            await unavailable(exc)(connection, receive, send)
            return
        connection.setdefault("state", {})[ANSWER] = answer
        refusal, fields = await self._count(resources, caller, answer)
        target = refusal or self._refusal(connection, caller, answer) or self._app
        await target(connection, receive, _with_fields(send, fields))

    async def _ask(self, resources: ApiResources, caller: Caller) -> Answer:
        known = self._known.recall(caller.presented)
        if known is not None:
            return known
        return await to_thread.run_sync(self._known.ask, resources.database, caller.presented)

    async def _count(
        self, resources: ApiResources, caller: Caller, answer: Answer
    ) -> tuple[Response | None, dict[str, str]]:
        if self._limiter is None:
            return None, {}
        name = f"address:{caller.place}" if answer.grant is None else f"key:{answer.grant.key_id}"
        allowance = await to_thread.run_sync(self._limiter.take, resources.cache, name)
        fields = limit_fields(self._limiter.bucket, allowance)
        if allowance.allowed:
            return None, fields
        return rate_limited(allowance, self._limiter.bucket.size), fields

    def _refusal(self, connection: Connection, caller: Caller, answer: Answer) -> Response | None:
        needed = Scope.READ if connection["method"] in _READING else Scope.WRITE
        if answer.is_open:
            stranger = needed is Scope.WRITE and self._is_foreign(Headers(scope=connection))
            return foreign_page() if stranger else None
        if answer.grant is None:
            return unauthorized(offered=caller.offered)
        if not answer.grant.scope.allows(needed):
            return forbidden(needed, answer.grant.scope)
        return None

    def _is_foreign(self, headers: Headers) -> bool:
        """Whether a browser sends this for a page of another site."""
        origin = headers.get("origin")
        if origin is None or origin in self._origins or "*" in self._origins:
            return False
        return origin.partition("://")[2] != headers.get("host")


def answer_of(request: Request) -> Answer | None:
    """Return what the guard found out about the caller; None where it was not asked."""
    answer: Answer | None = getattr(request.state, ANSWER, None)
    return answer


def _is_open(path: str, caller: Caller) -> bool:
    return path in OPEN_PATHS or (path in _OPEN_HERE and caller.is_here)


def _with_fields(send: Send, fields: dict[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(fields)
        await send(message)

    return sending if fields else send
