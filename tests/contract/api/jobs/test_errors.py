"""Every error is a problem with a stable code, wherever it happens."""

from typing import Any
from uuid import UUID

import pytest

from api.resources import ApiConfiguration
from api.routes import jobs
from infra.stack.ports import free_port
from tests.contract.api.support.running import Api, changed, problem, running_api

UNKNOWN = "01900000-0000-7000-8000-000000000000"
MALFORMED = ("7", "no-id", "None", UNKNOWN[:-1], UNKNOWN + "0", "%00", "%FF", "..%2F..", "a" * 3000)
GOOD = "https://supplier.example/a.jpg"


@pytest.fixture(scope="module")
def orphan(configured: ApiConfiguration) -> Any:
    """An API whose database is away."""
    url = f"postgresql://nobody:secret@127.0.0.1:{free_port()}/nowhere"
    with running_api(changed(configured, database={"url": url})) as serving:
        yield serving


@pytest.mark.parametrize("identity", [UNKNOWN, *MALFORMED])
@pytest.mark.parametrize("resource", ["jobs", "products"])
def test_an_unknown_or_malformed_id_is_not_found(api: Api, resource: str, identity: str) -> None:
    problem(api.call("GET", f"/{resource}/{identity}"), 404, "not_found")


@pytest.mark.parametrize("identity", [UNKNOWN, "7", "", "\x00", "a" * 3000])
def test_an_unknown_or_malformed_product_in_a_body_is_not_found(api: Api, identity: str) -> None:
    before = api.count()

    problem(api.post(image_url=GOOD, product_id=identity), 404, "not_found")

    assert api.count() == before


def test_an_unknown_page_is_not_found(api: Api) -> None:
    answer = problem(api.call("GET", "/no/such/page"), 404, "not_found")
    assert "/no/such/page" in answer["detail"]

    problem(api.call("GET", "/jobs?before=7"), 404, "not_found")
    problem(api.call("GET", "/jobs?product_id=7"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/process-image", "POST"),
        ("PUT", "/process-image", "POST"),
        ("POST", "/jobs", "GET"),
        ("DELETE", f"/jobs/{UNKNOWN}", "GET"),
        ("POST", "/healthz", "GET"),
    ],
)
def test_a_method_that_a_page_does_not_have_is_refused_with_those_it_has(
    api: Api, method: str, path: str, allowed: str
) -> None:
    response = api.call(method, path)

    problem(response, 405, "method_not_allowed")
    assert allowed in response.headers["Allow"]


@pytest.mark.parametrize(
    "query",
    [
        *(
            "state=sleeping",
            "state=",
            "lane=fast",
            "limit=0",
            "limit=201",
            "limit=x",
            "since=yesterday",
        ),
        *("sku=%00", "since=%00", "state=%00", "limit=%00"),
        "since=9999-12-31T23:59:59-23:00",
    ],
)
def test_a_list_with_a_senseless_filter_is_refused(api: Api, query: str) -> None:
    problem(api.call("GET", f"/jobs?{query}"), 422, "invalid_request")


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00+23:00"]
)
def test_a_list_since_any_moment_of_the_calendar_is_answered(api: Api, since: str) -> None:
    assert api.call("GET", "/jobs", params={"since": since}).status_code == 200


def test_a_surprise_is_a_problem_that_tells_nothing_of_our_insides(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_database: object, job_id: UUID) -> None:
        raise RuntimeError(f"secret of {job_id}")

    monkeypatch.setattr(jobs, "read_job", fail)

    answer = problem(api.call("GET", f"/jobs/{UNKNOWN}"), 500, "internal_error")

    assert "secret" not in str(answer)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/process-image", {"image_url": GOOD}),
        ("GET", "/jobs", None),
        ("GET", f"/jobs/{UNKNOWN}", None),
        ("GET", f"/products/{UNKNOWN}", None),
    ],
)
def test_without_the_database_callers_are_told_to_come_back(
    orphan: Api, method: str, path: str, body: object
) -> None:
    response = orphan.call(method, path, json=body)

    answer = problem(response, 503, "database_unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert "secret" not in str(answer)


def test_without_the_database_nobody_knows_who_may_ask_so_nothing_is_judged(orphan: Api) -> None:
    problem(orphan.post(image_url="x"), 503, "database_unavailable")
    problem(orphan.call("GET", "/jobs/7"), 503, "database_unavailable")


def test_without_the_database_the_process_lives_and_is_not_ready(orphan: Api) -> None:
    assert orphan.get("/healthz") == {"status": "ok"}

    response = orphan.call("GET", "/readyz")

    assert response.status_code == 503
    readiness = response.json()
    assert readiness["status"] == "unavailable"
    assert readiness["dependencies"]["database"]["ok"] is False
    assert readiness["dependencies"]["store"]["ok"] is True


def test_without_the_broker_jobs_are_accepted_and_wait(configured: ApiConfiguration) -> None:
    amqp = {"url": f"amqp://guest:guest@127.0.0.1:{free_port()}/"}
    with running_api(changed(configured, broker=amqp)) as api:
        accepted = api.accepted(image_url=GOOD)

        assert api.get(accepted["status_url"])["state"] == "queued"
        readiness = api.get("/readyz")
        assert readiness["status"] == "degraded"
        assert readiness["dependencies"]["broker"]["ok"] is False
