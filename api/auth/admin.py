"""The dependency of routes that only an operator may call: `dependencies=[AdminOnly]`."""

from fastapi import Depends, Request

from api.auth.guard import answer_of
from infra.contract.errors import ErrorCode, Rejected
from infra.contract.scopes import Scope


def require_admin(request: Request) -> None:
    """Raise `Rejected` (403) unless the key has the scope `admin`, or no key exists."""
    answer = answer_of(request)
    if answer is not None and answer.is_open:
        return
    if answer is None or answer.grant is None or not answer.grant.scope.allows(Scope.ADMIN):
        raise Rejected(403, ErrorCode.FORBIDDEN, f"This needs a key with the scope {Scope.ADMIN}.")


AdminOnly = Depends(require_admin)
