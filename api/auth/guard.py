"""Lets requests in: by key, by scope, and by rate. Every route is guarded unless it is named here.

Reading needs the scope `read`, everything else `write`; routes that need `admin` say so with the
dependency in `api.auth.admin`. While no key exists, callers on this machine may do
everything, and others too when `API_OPEN` says so.
"""

from anyio import to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from api.auth.caller import Caller, caller_of
from api.auth.known_keys import Answer
from api.auth.limiter import Limiter, limit_fields
from api.auth.refusals import (
    forbidden,
    foreign_page,
    not_from_here,
    rate_limited,
    too_many_failures,
    unauthorized,
)
from api.background.probes import DATABASE
from api.pages.documentation import DOCS_PATH, FILE_PATHS
from api.problems import unavailable
from api.resources import ApiResources
from infra.contract.errors import ServiceUnavailable
from infra.contract.scopes import Scope
from infra.settings.sections import ApiSettings

ANSWER = "access"
"""Where the guard leaves its `Answer` in the request's state."""

COUNTED_AS = "counted_as"
"""Where it leaves the name under which limits count the caller."""

_DETAILS = "details"
_READINESS = "/readyz"

OPEN_PATHS = frozenset(
    {"/", "/healthz", _READINESS, "/openapi.json", DOCS_PATH, *FILE_PATHS},
)
_OPEN_HERE = frozenset({"/metrics"})  # to this machine only
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """ASGI middleware. Opens nothing: it uses the resources of the application."""

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._origins = settings.cors_origins
        self._open_to_all = settings.open
        per_minute = settings.rate_limit_per_minute
        self._limiter = Limiter(per_minute) if per_minute else None
        self._failures = Limiter(settings.failed_keys_per_minute)

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        caller = caller_of(connection) if connection["type"] == "http" else None
        if caller is None or _is_open(connection["path"], caller):
            if caller is not None and connection["path"] == _READINESS:
                await self._note_details(connection, caller)
            await self._app(connection, receive, send)
            return
        resources: ApiResources = connection["app"].state.resources
        answer = await self._ask(resources, caller)
        if isinstance(answer, Response):
            await answer(connection, receive, send)
            return
        state = connection.setdefault("state", {})
        state[ANSWER], state[COUNTED_AS] = answer, _counted_as(caller, answer)
        refusal, fields = await self._count(resources, state[COUNTED_AS])
        target = refusal or self._refusal(connection, caller, answer) or self._app
        await target(connection, receive, _with_fields(send, fields))

    async def _ask(self, resources: ApiResources, caller: Caller) -> Answer | Response:
        """Return what the caller may do; or a refusal, when that cannot be found out now."""
        known_keys, presented = resources.known_keys, caller.presented
        known = known_keys.recall(presented)
        if known is not None:
            return known
        unproved = presented is not None and not known_keys.was_good(presented)
        if unproved and not (left := self._failures.look(caller.place)).allowed:
            return too_many_failures(left)
        try:
            answer = await to_thread.run_sync(known_keys.ask, resources.database, presented)
        except ServiceUnavailable as exc:  # the caller's rights are unknown
            return unavailable(exc)
        if unproved and answer.grant is None and not answer.is_open:
            self._failures.take_here(caller.place)
        return answer

    async def _note_details(self, connection: Connection, caller: Caller) -> None:
        """Decide whether the caller of `/readyz` may see the parts, without waiting for one."""
        resources: ApiResources = connection["app"].state.resources
        answer: Answer | Response | None = resources.known_keys.last(caller.presented)
        if caller.presented is not None and resources.probes.states()[DATABASE].ok:
            answer = await self._ask(resources, caller)
        if isinstance(answer, Answer):
            open_here = answer.is_open and (self._open_to_all or caller.is_here)
            valid = answer.grant is not None and answer.grant.is_valid()
            details = open_here or valid
        else:  # the database never said whether there are keys
            details = answer is None and not caller.offered and caller.is_here
        connection.setdefault("state", {})[_DETAILS] = details

    async def _count(
        self, resources: ApiResources, name: str
    ) -> tuple[Response | None, dict[str, str]]:
        if self._limiter is None:
            return None, {}
        allowance = await to_thread.run_sync(self._limiter.take, resources.cache, name)
        fields = limit_fields(self._limiter.bucket, allowance)
        if allowance.allowed:
            return None, fields
        return rate_limited(allowance, self._limiter.bucket.size), fields

    def _refusal(self, connection: Connection, caller: Caller, answer: Answer) -> Response | None:
        needed = Scope.READ if connection["method"] in _READING else Scope.WRITE
        if answer.is_open:
            if not (self._open_to_all or caller.is_here):
                return not_from_here()
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


def _counted_as(caller: Caller, answer: Answer) -> str:
    return f"address:{caller.place}" if answer.grant is None else f"key:{answer.grant.key_id}"


def _is_open(path: str, caller: Caller) -> bool:
    return path in OPEN_PATHS or (path in _OPEN_HERE and caller.is_here)


def _with_fields(send: Send, fields: dict[str, str]) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(fields)
        await send(message)

    return sending if fields else send
