"""`/keys`: an admin key makes and revokes keys, and gives no more than it has."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from infra.contract.scopes import Scope
from infra.stack.stack import Stack
from tasks.keys.change import IssuedKey, create_key, list_keys, revoke_key
from tests.contract.api.support.keyed import Keyed, bearer, keyed_api
from tests.contract.api.support.running import problem
from tests.waiting import eventually


@pytest.fixture(scope="module")
def keyed(stack: Stack) -> Iterator[Keyed]:
    with keyed_api(stack) as serving:
        create_key(serving.database, name="the first one", scope=Scope.ADMIN)
        yield serving


def post(keyed: Keyed, maker: IssuedKey, /, **members: Any) -> requests.Response:
    return keyed.api.call("POST", "/keys", json=members, headers=bearer(maker))


def test_an_admin_makes_a_key_that_is_shown_once_and_ends_when_it_is_revoked(keyed: Keyed) -> None:
    admin = keyed.issue(Scope.ADMIN)

    response = post(keyed, admin, name="shop", scope="read")

    assert response.status_code == 201, response.text
    assert response.headers["Cache-Control"] == "no-store"
    made = response.json()
    assert (made["scope"], made["state"], made["created_by"]) == ("read", "active", admin.view.id)
    listed = keyed.api.call("GET", "/keys", headers=bearer(admin))
    assert made["key"] not in listed.text
    assert made["id"] in [key["id"] for key in listed.json()["keys"]]
    theirs = bearer(made["key"])
    assert keyed.api.call("GET", "/jobs", headers=theirs).status_code == 200

    revoked = keyed.api.call("POST", f"/keys/{made['id']}/revoke", headers=bearer(admin)).json()

    assert (revoked["state"], revoked["revoked_by"]) == ("revoked", admin.view.id)
    eventually(lambda: keyed.api.call("GET", "/jobs", headers=theirs).status_code == 401, "it ends")
    other = keyed.issue(Scope.ADMIN)
    again = keyed.api.call("POST", f"/keys/{made['id']}/revoke", headers=bearer(other)).json()
    assert again == revoked  # who revoked it first stays known


@pytest.mark.parametrize("scope", [Scope.READ, Scope.WRITE])
def test_keys_of_other_scopes_see_make_and_revoke_none(keyed: Keyed, scope: Scope) -> None:
    key = keyed.issue(scope)
    before = len(list_keys(keyed.database))
    for method, path in (
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("POST", f"/keys/{key.view.id}/revoke"),
    ):
        body = {"name": "mine", "scope": "read"} if path == "/keys" else None
        response = keyed.api.call(method, path, json=body, headers=bearer(key))
        problem(response, 403, "forbidden")
    assert len(list_keys(keyed.database)) == before
    assert keyed.api.call("GET", "/jobs", headers=bearer(key)).status_code == 200


def test_a_key_ends_no_later_than_the_key_that_made_it(keyed: Keyed) -> None:
    short = create_key(
        keyed.database, name="short", scope=Scope.ADMIN, valid_for=timedelta(hours=1)
    )
    end = short.view.expires_at
    assert end is not None

    inherited = post(keyed, short, name="child", scope="admin").json()
    sooner = (end - timedelta(minutes=30)).isoformat()
    later = (end + timedelta(seconds=1)).isoformat()

    assert datetime.fromisoformat(inherited["expires_at"]) == end
    assert post(keyed, short, name="child", expires_at=sooner).status_code == 201
    problem(post(keyed, short, name="child", expires_at=later), 403, "forbidden")


def test_a_key_that_was_revoked_a_moment_ago_makes_none(keyed: Keyed) -> None:
    admin = keyed.issue(Scope.ADMIN)
    assert keyed.api.call("GET", "/keys", headers=bearer(admin)).status_code == 200  # remembered
    revoke_key(keyed.database, admin.view.id)

    response = post(keyed, admin, name="too late")

    assert response.status_code in (401, 403), response.text
    assert "too late" not in [key.name for key in list_keys(keyed.database)]


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"name": ""},
        {"name": "   "},
        {"name": "a\u0000b"},
        {"name": "x" * 101},
        {"name": "shop", "scope": "root"},
        {"name": "shop", "expires_at": (datetime.now(UTC) - timedelta(days=1)).isoformat()},
        {"name": "shop", "expires_at": "tomorrow"},
        {"name": "shop", "key": "pi_mine"},
    ],
)
def test_a_key_that_cannot_be_is_refused(keyed: Keyed, members: dict[str, Any]) -> None:
    problem(post(keyed, keyed.issue(Scope.ADMIN), **members), 422, "invalid_request")


def test_the_first_key_is_never_made_over_the_network(stack: Stack) -> None:
    with keyed_api(stack) as young:
        assert young.api.get("/keys") == {"keys": []}

        response = young.api.call("POST", "/keys", json={"name": "mine", "scope": "admin"})

        assert "product-images keys create" in problem(response, 403, "forbidden")["detail"]
        assert young.api.call("GET", "/jobs").status_code == 200  # nobody is shut out


def test_an_unknown_key_is_not_found(keyed: Keyed) -> None:
    response = keyed.api.call("POST", "/keys/none/revoke", headers=bearer(keyed.issue(Scope.ADMIN)))
    problem(response, 404, "not_found")
