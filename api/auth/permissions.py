"""What routes ask about their caller, as dependencies.

`dependencies=[AdminOnly]` is for routes that only an operator may call. `SeesQueries` says whether
the caller is shown the queries of source URLs, which often hold what lets one read a file: keys of
scope `read`, given to shop pages and reports, are shown that there is a query.
"""

import json
from typing import Annotated

from fastapi import Depends, Request

from api.auth.guard import answer_of
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.scopes import Scope
from infra.contract.source_refs import without_query


def require_admin(request: Request) -> None:
    """Raise `Rejected` (403) unless the key has the scope `admin`, or no key exists."""
    answer = answer_of(request)
    if answer is not None and answer.is_open:
        return
    if answer is None or answer.grant is None or not answer.grant.scope.allows(Scope.ADMIN):
        raise Rejected(403, ErrorCode.FORBIDDEN, f"This needs a key with the scope {Scope.ADMIN}.")


AdminOnly = Depends(require_admin)


def sees_queries(request: Request) -> bool:
    """Return whether the caller may read whole source URLs."""
    answer = answer_of(request)
    grant = None if answer is None else answer.grant
    return grant is None or grant.scope.allows(Scope.WRITE)


SeesQueries = Annotated[bool, Depends(sees_queries)]


def hide_queries(body: bytes) -> bytes:
    """Return a product or job in JSON with the queries of its source URLs hidden."""
    shown = json.loads(body)
    for image in shown["images"]:
        image["source_url"] = without_query(image["source_url"])
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
