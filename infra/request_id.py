"""The name of a request, by which its lines are found in all logs: the caller's own, or a new one.

It is bound to the context of the logs, so that whatever a request writes and logs carries it.
"""

import re
from uuid import uuid4

from structlog.contextvars import get_contextvars

HEADER = "X-Request-ID"
FIELD = "request_id"
MAX_CHARACTERS = 128

_USABLE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:+/=@-]{{0,{MAX_CHARACTERS - 1}}}", re.ASCII)


def usable(text: object) -> str | None:
    """Return a name that logs can carry as it is; None for any other."""
    return text if isinstance(text, str) and _USABLE.fullmatch(text) else None


def new_request_id() -> str:
    """Return a name that no other request has."""
    return uuid4().hex


def current_request_id() -> str | None:
    """Return the name of the request in whose course this is called; None outside of one."""
    return usable(get_contextvars().get(FIELD))
