"""Who is shown the query strings of source URLs, which often hold what lets one read a file.

Keys of scope `read` are given to shop pages and reports: they are shown that there is a query.
"""

import json
from typing import Annotated

from fastapi import Depends, Request

from api.auth.guard import answer_of
from infra.contract.scopes import Scope
from infra.contract.source_refs import without_query


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
