"""What browsers are told: with every answer, and about pages of other origins."""

from collections.abc import Iterator

import pytest

from api.resources import ApiConfiguration
from api.routes import jobs
from tests.contract.api.running import Api, changed, problem, running_api

SHOP, STRANGER = "https://shop.example", "https://stranger.example"
UNKNOWN = "/jobs/01900000-0000-7000-8000-000000000000"
BODY = {"image_url": "https://supplier.example/a.jpg"}


@pytest.fixture(scope="module")
def shared(configured: ApiConfiguration) -> Iterator[Api]:
    with running_api(changed(configured, api={"cors_origins": (SHOP,)})) as serving:
        yield serving


def test_every_answer_forbids_guessing_frames_and_referrers(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(jobs, "read_job", fail)
    for path, expected in (("/jobs", 200), ("/healthz", 200), ("/nowhere", 404), (UNKNOWN, 500)):
        # A surprise costs the connection, which others must not meet.
        response = api.call("GET", path, headers={"Connection": "close"})

        assert response.status_code == expected
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy


def test_the_page_of_documentation_may_load_what_it_names(api: Api) -> None:
    response = api.call("GET", "/docs")

    policy = response.headers["Content-Security-Policy"]
    assert "https://cdn.jsdelivr.net" in response.text
    assert "script-src 'unsafe-inline' https://cdn.jsdelivr.net" in policy
    assert "frame-ancestors 'none'" in policy


def test_no_other_origin_is_let_in_unless_it_is_named(api: Api, shared: Api) -> None:
    def allowed(where: Api, origin: str) -> str | None:
        response = where.call("GET", "/jobs", headers={"Origin": origin})
        return response.headers.get("Access-Control-Allow-Origin")

    assert (allowed(api, SHOP), allowed(shared, STRANGER), allowed(shared, SHOP)) == (
        *(None, None),
        SHOP,
    )


def test_a_named_origin_may_ask_with_a_key(shared: Api) -> None:
    asked = {"Access-Control-Request-Method": "PATCH"} | {
        "Access-Control-Request-Headers": "authorization,idempotency-key"
    }
    answer = shared.call("OPTIONS", "/jobs", headers={"Origin": SHOP, **asked})

    assert answer.status_code == 200
    assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = shared.call("OPTIONS", "/jobs", headers={"Origin": STRANGER, **asked})
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_while_no_key_exists_pages_of_other_sites_change_nothing(api: Api, shared: Api) -> None:
    before = api.count()
    for origin in (STRANGER, "null"):
        headers = {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
        refused = api.call("POST", "/process-image", json=BODY, headers=headers)
        problem(refused, 403, "forbidden")
    assert api.count() == before

    for where, origin in ((api, api.url), (shared, SHOP)):
        posted = where.call("POST", "/process-image", json=BODY, headers={"Origin": origin})
        assert posted.status_code == 202
