"""Routes of operators are closed to every key without the scope `admin`."""

import pytest
from starlette.requests import Request

from api.auth.guard import ANSWER
from api.auth.known_keys import Answer
from api.auth.permissions import require_admin
from infra.contract.errors import Rejected
from infra.contract.scopes import Scope
from tasks.keys.grant import Grant


def request(answer: Answer | None) -> Request:
    state = {} if answer is None else {ANSWER: answer}
    return Request({"type": "http", "headers": [], "state": state})


def granted(scope: Scope) -> Answer:
    return Answer(is_open=False, grant=Grant(key_id="k", scope=scope, expires_at=None))


def test_the_scope_admin_and_an_api_without_keys_are_let_through() -> None:
    require_admin(request(granted(Scope.ADMIN)))
    require_admin(request(Answer(is_open=True)))


@pytest.mark.parametrize(
    "answer", [granted(Scope.WRITE), granted(Scope.READ), Answer(is_open=False), None]
)
def test_everybody_else_is_told_which_scope_is_needed(answer: Answer | None) -> None:
    with pytest.raises(Rejected, match="scope admin") as caught:
        require_admin(request(answer))

    assert (caught.value.status, caught.value.code) == (403, "forbidden")


def test_each_scope_includes_those_before_it() -> None:
    assert [[scope.allows(needed) for needed in Scope] for scope in Scope] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
