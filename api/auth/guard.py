"""Lets requests in: by key, by scope, and by rate. Every route is guarded unless it is named here.

Reading needs the scope `read`, everything else `write`; routes that need `admin` say so with the
dependency in `api.auth.permissions`. While no key exists, callers on this machine may do
everything, and others too when `API_OPEN` says so.
"""

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from api.auth.caller import Caller, caller_of
from api.auth.key_check import KeyCheck
from api.auth.known_keys import Answer
from api.auth.limiter import Limiter, limit_fields
from api.auth.refusals import (
    forbidden,
    foreign_page,
    not_from_here,
    rate_limited,
    unauthorized,
)
from api.auth.session import SIGN_IN_PATH, SIGN_OUT_PATH, STATIC_PATH, is_console
from api.background.probes import DATABASE
from api.pages.documentation import DOCS_PATH, FILE_PATHS
from api.resources import ApiResources
from infra.contract.scopes import Scope
from infra.settings.sections import ApiSettings
from tasks.keys.form import Credential

ANSWER = "access"
"""Where the guard leaves its `Answer` in the request's state."""

COUNTED_AS = "counted_as"
"""Where it leaves the name under which limits count the caller."""

_DETAILS = "details"
_READINESS = "/readyz"

OPEN_PATHS = frozenset(
    {"/", "/healthz", _READINESS, "/openapi.json", DOCS_PATH, *FILE_PATHS, SIGN_IN_PATH},
)
_OPEN_HERE = frozenset({"/metrics"})  # to this machine only
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware. Opens nothing: it uses the resources of the application."""

    def __init__(self, app: ASGIApp, settings: ApiSettings, keys: KeyCheck) -> None:
        self._app = app
        self._keys = keys
        self._origins = settings.cors_origins
        self._open_to_all = settings.open
        per_minute = settings.rate_limit_per_minute
        self._limiter = Limiter(per_minute) if per_minute else None

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if connection["type"] != "http":
            await self._app(connection, receive, send)
            return
        caller, path = caller_of(connection), connection["path"]
        if _is_open(path) or (path in _OPEN_HERE and caller.is_here):
            if path == _READINESS:
                await self._note_details(connection, caller)
            await self._app(connection, receive, send)
            return
        resources: ApiResources = connection["app"].state.resources
        shown: Credential | None = caller.presented
        if is_console(path):  # where only sessions count, as they count nowhere else
            session = resources.sessions.of(connection)
            shown = None if session is None else session.proved
        answer = await self._keys.ask(resources, caller, shown)
        if isinstance(answer, Response):
            await answer(connection, receive, send)
            return
        name = f"address:{caller.place}" if answer.grant is None else f"key:{answer.grant.key_id}"
        connection.setdefault("state", {}).update({ANSWER: answer, COUNTED_AS: name})
        refusal = self._refusal(connection, caller, answer)
        fields: dict[str, str] = {}
        if self._limiter is not None:
            allowance = await to_thread.run_sync(self._limiter.take, resources.cache, name)
            fields = limit_fields(self._limiter.bucket, allowance)
            if not allowance.allowed:
                refusal = rate_limited(allowance, self._limiter.bucket.size)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(fields)
            await send(message)

        await (refusal or self._app)(connection, receive, sending)

    async def _note_details(self, connection: Connection, caller: Caller) -> None:
        """Decide whether the caller of `/readyz` may see the parts, without waiting for one."""
        resources: ApiResources = connection["app"].state.resources
        answer: Answer | Response | None = resources.known_keys.last(caller.presented)
        if caller.presented is not None and resources.probes.states()[DATABASE].ok:
            answer = await self._keys.ask(resources, caller, caller.presented)
        if isinstance(answer, Answer):
            open_here = answer.is_open and (self._open_to_all or caller.is_here)
            valid = answer.grant is not None and answer.grant.is_valid()
            details = open_here or valid
        else:  # the database never said whether there are keys
            details = answer is None and not caller.offered and caller.is_here
        connection.setdefault("state", {})[_DETAILS] = details

    def _refusal(self, connection: Connection, caller: Caller, answer: Answer) -> Response | None:
        reads = connection["method"] in _READING or connection["path"] == SIGN_OUT_PATH
        needed = Scope.READ if reads else Scope.WRITE
        if answer.is_open:
            if not (self._open_to_all or caller.is_here):
                return not_from_here()
            origin = Headers(scope=connection).get("origin")  # of a page, as browsers say
            if needed is Scope.READ or origin is None or {origin, "*"} & {*self._origins}:
                return None
            if origin.partition("://")[2] == Headers(scope=connection).get("host"):
                return None
            return foreign_page()
        if answer.grant is None:
            return unauthorized(offered=caller.offered)
        if not answer.grant.scope.allows(needed):
            return forbidden(needed, answer.grant.scope)
        return None


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(STATIC_PATH)


def answer_of(request: Request) -> Answer | None:
    """Return what the guard found out about the caller; None where it was not asked."""
    answer: Answer | None = getattr(request.state, ANSWER, None)
    return answer


def caller_key(request: Request) -> str:
    """Return the id of the API key that the caller proved; empty when no key is needed."""
    answer = answer_of(request)
    return "" if answer is None or answer.grant is None else answer.grant.key_id


def may_see_parts(request: Request) -> bool:
    """Whether the caller of `/readyz` may see which part is how."""
    return bool(getattr(request.state, _DETAILS, False))


def counted_as(request: Request) -> str:
    """Return the name under which a limit counts the caller: its key, or its address."""
    return str(getattr(request.state, COUNTED_AS, ""))
