"""Links to the neighbours of a page. Pages are cut by the id of an entry, never by a number."""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request


def page_link(request: Request, side: Literal["before", "after"], identity: UUID) -> str:
    """Return the request's address, for the entries on that side of an entry."""
    asked = {k: v for k, v in request.query_params.items() if k not in ("before", "after")}
    return f"{request.url.path}?{urlencode({**asked, side: str(identity)})}"


def next_page(request: Request, ids: Sequence[UUID], *, limit: int) -> str | None:
    """Return the address of what follows these entries; None when they do not fill a page."""
    return page_link(request, "before", ids[-1]) if len(ids) == limit else None
