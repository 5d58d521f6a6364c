"""Who may call what: without keys, with keys of each scope, and after a key's end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from infra.contract.scopes import Scope
from infra.db.models.keys import ApiKey
from infra.stack.stack import Stack
from tasks.keys.change import IssuedKey, create_key, forget_key, list_keys, revoke_key
from tasks.keys.form import new_key, parse_key
from tests.contract.api.support.keyed import Keyed, bearer, keyed_api
from tests.contract.api.support.running import problem, running_api
from tests.waiting import eventually

BODY = {"image_url": "https://supplier.example/a.jpg"}
UNKNOWN = "/jobs/01900000-0000-7000-8000-000000000000"
PROMISED_SECONDS = 5


@pytest.fixture(scope="module")
def keyed(stack: Stack) -> Iterator[Keyed]:
    with keyed_api(stack) as serving:
        create_key(serving.database, name="the first one", scope=Scope.ADMIN)
        yield serving


@pytest.fixture(scope="module")
def issued(keyed: Keyed) -> dict[Scope, IssuedKey]:
    return {scope: keyed.issue(scope) for scope in Scope}


def status(keyed: Keyed, key: IssuedKey) -> int:
    return keyed.api.call("GET", "/jobs", headers=bearer(key)).status_code


def test_an_api_without_keys_opens_to_all_and_closes_with_the_first_key(stack: Stack) -> None:
    with keyed_api(stack) as young:
        assert young.api.post(**BODY).status_code == 202

        key = young.issue(Scope.READ)

        def closed() -> bool:
            return young.api.call("GET", "/jobs").status_code == 401

        eventually(closed, "a key is needed", seconds=PROMISED_SECONDS)
        assert status(young, key) == 200

        revoke_key(young.database, key.view.id)
        eventually(lambda: status(young, key) == 401, "it ends", seconds=PROMISED_SECONDS)
        assert young.api.call("GET", "/jobs").status_code == 401  # it does not open by itself

        forget_key(young.database, key.view.id)
        eventually(lambda: not closed(), "it is open again", seconds=PROMISED_SECONDS)


def test_without_a_key_callers_are_told_how_to_send_one(keyed: Keyed) -> None:
    for method, path in (("GET", "/jobs"), ("POST", "/process-image"), ("GET", "/nowhere")):
        response = keyed.api.call(method, path, json=BODY if method == "POST" else None)

        assert "X-API-Key" in problem(response, 401, "unauthorized")["detail"]
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="product-images"'


@pytest.mark.parametrize("text", ["x", "pi_abc", new_key(), "é", "a" * 9000])
def test_a_wrong_key_is_refused_without_saying_why(keyed: Keyed, text: str) -> None:
    headers = {"Authorization": f"Bearer {text}".encode()}

    response = keyed.api.call("GET", "/jobs", headers=headers)

    assert text not in problem(response, 401, "unauthorized")["detail"].split()
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


def test_a_key_s_id_is_worth_nothing_with_another_secret(
    keyed: Keyed, issued: dict[Scope, IssuedKey]
) -> None:
    other = parse_key(new_key())
    assert other is not None
    key = create_key(keyed.database, name="changed", scope=Scope.READ)
    with keyed.database.transaction() as session:
        changed = update(ApiKey).where(ApiKey.id == key.view.id).values(hash=other.hash)
        session.execute(changed)

    assert status(keyed, key) == 401
    assert status(keyed, issued[Scope.READ]) == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json"])
def test_what_says_how_the_api_is_and_works_is_open(keyed: Keyed, path: str) -> None:
    assert keyed.api.call("GET", path).status_code == 200


def test_reading_needs_any_key_and_changing_the_scope_write(
    keyed: Keyed, issued: dict[Scope, IssuedKey]
) -> None:
    for key in issued.values():
        assert status(keyed, key) == 200
        assert keyed.api.call("GET", "/jobs", headers={"X-API-Key": key.text}).ok
    for scope in (Scope.WRITE, Scope.ADMIN):
        headers = bearer(issued[scope])
        assert keyed.api.call("POST", "/process-image", json=BODY, headers=headers).ok

    headers = bearer(issued[Scope.READ])
    for method, path in (("POST", "/process-image"), ("POST", f"{UNKNOWN}/cancel")):
        response = keyed.api.call(method, path, json=BODY, headers=headers)
        assert "scope write" in problem(response, 403, "forbidden")["detail"]
        assert 'scope="write"' in response.headers["WWW-Authenticate"]


def test_an_expired_key_is_refused_also_while_it_is_remembered(keyed: Keyed) -> None:
    soon = timedelta(seconds=1)
    key = create_key(keyed.database, name="short", scope=Scope.READ, valid_for=soon)
    assert status(keyed, key) == 200

    eventually(lambda: status(keyed, key) == 401, "it expires")


def test_a_revoked_key_is_refused_by_every_process_within_seconds(keyed: Keyed) -> None:
    key = keyed.issue(Scope.WRITE)
    with running_api(keyed.configured) as other:
        second = Keyed(other, keyed.database, keyed.configured)
        assert (status(keyed, key), status(second, key)) == (200, 200)

        revoke_key(keyed.database, key.view.id)

        for api in (keyed, second):
            eventually(lambda api=api: status(api, key) == 401, "refused", seconds=PROMISED_SECONDS)


def test_the_last_use_of_a_key_is_noted_and_not_for_every_request(keyed: Keyed) -> None:
    key = keyed.issue(Scope.READ)

    def last_used() -> datetime | None:
        (view,) = (view for view in list_keys(keyed.database) if view.id == key.view.id)
        return view.last_used_at

    assert last_used() is None
    assert status(keyed, key) == 200
    first = last_used()
    assert first is not None
    with running_api(keyed.configured) as other:  # it remembers nothing and asks the database
        assert status(Keyed(other, keyed.database, keyed.configured), key) == 200
        assert last_used() == first
    long_ago = datetime.now(UTC) - timedelta(minutes=2)
    with keyed.database.transaction() as session:
        session.execute(update(ApiKey).values(last_used_at=long_ago))
    with running_api(keyed.configured) as other:
        assert status(Keyed(other, keyed.database, keyed.configured), key) == 200
    assert last_used() != long_ago


def test_the_document_names_the_keys_and_the_refusals(keyed: Keyed) -> None:
    document = keyed.api.get("/openapi.json")

    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    posting = document["paths"]["/process-image"]["post"]
    assert {"401", "403", "429"} <= set(posting["responses"])
    assert {"bearer": []} in posting["security"]
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_naming_a_webhook_needs_an_operators_key(
    keyed: Keyed, issued: dict[Scope, IssuedKey]
) -> None:
    for scope, expected in ((Scope.WRITE, 403), (Scope.ADMIN, 200)):
        answer = keyed.api.call("GET", "/webhooks", headers=bearer(issued[scope]))
        assert answer.status_code == expected


def test_two_callers_may_give_the_same_name_to_their_requests(
    keyed: Keyed, issued: dict[Scope, IssuedKey]
) -> None:
    def post(key: IssuedKey) -> str:
        headers = {**bearer(key), "Idempotency-Key": "order-1"}
        job: str = keyed.api.call("POST", "/process-image", json=BODY, headers=headers).json()[
            "job_id"
        ]
        return job

    ours, theirs = (post(issued[scope]) for scope in (Scope.WRITE, Scope.ADMIN))
    assert ours != theirs
    assert post(issued[Scope.WRITE]) == ours
