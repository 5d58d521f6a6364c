"""Who looks at a page, what that person may do, and whether a form is of that person's session."""

import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

from api.auth.guard import answer_of
from api.auth.session import Session
from api.bodies.form import FormLimits, read_form
from api.bodies.submission import FORM_TYPE, limited, media_type_of
from api.dependencies import Resources, resources_of
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.scopes import Scope

CSRF_FIELD = "csrf"

_MAX_FIELDS = 500
_FIELD_BYTES = 1_000_000
_MAX_FILES = 20


@dataclass(frozen=True, slots=True)
class Viewer:
    """The scope of the key that signed in; all may be done while no key exists."""

    key_id: str | None
    scope: Scope | None

    @property
    def is_known(self) -> bool:
        """Whether pages may be shown at all."""
        return self.scope is not None

    @property
    def can_write(self) -> bool:
        """Whether changes may be made."""
        return self.scope is not None and self.scope.allows(Scope.WRITE)

    @property
    def is_admin(self) -> bool:
        """Whether what concerns the whole installation may be seen and changed."""
        return self.scope is not None and self.scope.allows(Scope.ADMIN)


def viewer_of(request: Request) -> Viewer:
    """Return what the guard found out."""
    answer = answer_of(request)
    if answer is None:
        return Viewer(None, None)
    if answer.grant is not None:
        return Viewer(answer.grant.key_id, answer.grant.scope)
    return Viewer(None, Scope.ADMIN if answer.is_open else None)


def session_of(request: Request) -> Session | None:
    """Return the session that the request shows."""
    return resources_of(request).sessions.of(request.scope)


async def form_of(request: Request, resources: Resources) -> AsyncIterator[FormData]:
    """Yield the form that a page of this session sent. Raises `Rejected` (400, 403, 413)."""
    api, imports = resources.configuration.api, resources.configuration.imports
    if media_type_of(request.headers.get("content-type", "")) == FORM_TYPE:
        file_bytes = max(api.max_file_bytes, imports.max_bytes)
        form = await read_form(
            limited(request, max(api.max_upload_bytes, file_bytes + _FIELD_BYTES)),
            FormLimits(
                files=_MAX_FILES,
                file_bytes=file_bytes,
                fields=_MAX_FIELDS,
                field_bytes=_FIELD_BYTES,
            ),
        )
    else:
        form = await limited(request, _FIELD_BYTES).form(max_fields=_MAX_FIELDS)
    try:
        require_own_form(request, form)
        yield form
    finally:
        await form.close()


Form = Annotated[FormData, Depends(form_of)]


def require_own_form(request: Request, form: FormData) -> None:
    """Raise `Rejected` (403) unless the form was on a page of the request's session."""
    session, sent = session_of(request), str(form.get(CSRF_FIELD, ""))
    if session is None or not hmac.compare_digest(sent.encode(), session.csrf.encode()):
        raise Rejected(
            403,
            ErrorCode.FORBIDDEN,
            "This form is not of your present session, so nothing was changed. Load the page again "
            "and repeat what you did.",
        )
