"""Reads the header `Idempotency-Key`: a caller's own name for one request."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request

from api.auth.guard import caller_key
from api.dependencies import Resources
from infra.contract.errors import ErrorCode, Rejected
from infra.db.models.idempotency import MAX_KEY_CHARACTERS
from tasks.submission.key_reservation import RequestKey

_HEADER = "Idempotency-Key"
_VISIBLE = "[!-~]"
_PATTERN = re.compile(f"{_VISIBLE}{{1,{MAX_KEY_CHARACTERS}}}")
_SCHEMA = {
    "minLength": 1,
    "maxLength": MAX_KEY_CHARACTERS,
    "pattern": f"^{_VISIBLE}+$",
    "examples": ["order-4711-pictures"],
}

_Stated = Annotated[
    str | None,
    Header(
        alias=_HEADER,
        description="The same key with the same request gives the same job; a UUID is a good key.",
        json_schema_extra=_SCHEMA,
    ),
]


def request_key(
    request: Request,
    resources: Resources,
    _stated: _Stated = None,  # shows the header in the documentation; read below, repeats included
) -> RequestKey | None:
    """Return the request's key, None without one; raise `Rejected` (400) when it is unusable."""
    stated = request.headers.getlist(_HEADER)
    if not stated:
        return None
    if len(stated) > 1 or not _PATTERN.fullmatch(stated[0]):
        raise Rejected(
            400,
            ErrorCode.INVALID_IDEMPOTENCY_KEY,
            f"{_HEADER} must be sent once, with 1 to {MAX_KEY_CHARACTERS} visible ASCII "
            "characters and no spaces.",
        )
    kept_seconds = resources.configuration.api.idempotency_seconds
    return RequestKey(stated[0], kept_seconds, owner=caller_key(request))


Key = Annotated[RequestKey | None, Depends(request_key)]
