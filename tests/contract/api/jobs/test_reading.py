"""What callers read: jobs, lists of jobs, products, health and the description of it all."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from infra.contract.states import JobState, WaitReason
from infra.db.engine import Database
from tasks.workers.heartbeat import send_heartbeat
from tests.contract.api.support.running import Api

GOOD = "https://supplier.example/a.jpg"
JOB_FIELDS = {
    *("id", "state", "lane", "attempts", "flow_run_id", "product_id", "images"),
    *("created_at", "started_at", "finished_at"),
}
IMAGE_FIELDS = {"id", "position", "source_url", "state", "outcome", "error", "variants"}


@pytest.fixture
def sku() -> str:
    """A product that no other test has."""
    return f"reading-{uuid4()}"


def ids(page: Any) -> list[str]:
    return [job["id"] for job in page["jobs"]]


def follow(api: Api, path: str) -> list[str]:
    """Return the ids of all jobs on a page and those after it."""
    found: list[str] = []
    next_path: str | None = path
    while next_path:
        page = api.get(next_path)
        found += ids(page)
        next_path = page["next"]
    return found


def finish(rows: Database, job_id: str, state: JobState) -> None:
    statement = "UPDATE jobs SET state = :state, finished_at = now() WHERE id = :id"
    with rows.transaction() as session:
        session.execute(text(statement), {"state": state, "id": job_id})


def test_a_waiting_job_shows_all_fields_of_the_contract(api: Api, sku: str) -> None:
    accepted = api.accepted(image_urls=[GOOD, "https://supplier.example/b.jpg"], sku=sku)

    job = api.get(f"/jobs/{accepted['job_id']}")

    assert set(job) >= JOB_FIELDS
    assert (job["state"], job["lane"], job["attempts"]) == ("queued", "interactive", 0)
    assert (job["started_at"], job["finished_at"], job["flow_run_id"]) == (None, None, None)
    assert job["product_id"] == accepted["product_id"]
    assert all(set(image) >= IMAGE_FIELDS for image in job["images"])
    assert [image["id"] for image in job["images"]] == [image["id"] for image in accepted["images"]]
    assert (
        job["images"][0] | {"state": "queued", "outcome": None, "error": None} == job["images"][0]
    )
    assert job["images"][0]["variants"] == []


def test_a_queued_job_says_what_it_waits_for_besides_its_turn(api: Api, rows: Database) -> None:
    path = api.accepted(image_url=GOOD)["status_url"]

    def waits(*reasons: WaitReason | None) -> Any:
        with rows.transaction() as session:
            session.execute(text("DELETE FROM workers"))
        for number, reason in enumerate(reasons):
            send_heartbeat(rows, f"worker-{number}", waits_for=reason)
        return api.get(path)["waiting_for"]

    assert waits() == "worker"
    assert waits(WaitReason.STORAGE, WaitReason.STORAGE) == "storage"
    assert waits(WaitReason.STORAGE, None) is None
    assert waits(None) is None
    with rows.transaction() as session:
        parked = "UPDATE jobs SET not_before = now() + interval '1 minute' WHERE id = :id"
        session.execute(text(parked), {"id": path.rpartition("/")[2]})
    assert waits(None) == "source"
    finish(rows, path.rpartition("/")[2], JobState.READY)
    assert waits() is None


def test_times_are_utc_in_iso_8601(api: Api, sku: str) -> None:
    accepted = api.accepted(image_url=GOOD, sku=sku)

    created = datetime.fromisoformat(api.get(accepted["status_url"])["created_at"])

    assert created.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)


def test_images_stand_in_the_order_given_also_when_the_product_has_another(
    api: Api, sku: str
) -> None:
    a, b, c = (f"https://supplier.example/{name}.jpg" for name in "abc")
    first = api.accepted(image_urls=[a, b], sku=sku)
    second = api.accepted(image_urls=[c, b, a], sku=sku)

    def sources(path: str) -> list[str]:
        return [image["source_url"] for image in api.get(path)["images"]]

    assert sources(first["status_url"]) == [a, b]
    assert sources(second["status_url"]) == [c, b, a]
    assert sources(f"/products/{first['product_id']}") == [a, b, c]


def test_a_product_shows_its_images(api: Api, sku: str) -> None:
    accepted = api.accepted(image_url=GOOD, sku=sku)

    product = api.get(f"/products/{accepted['product_id']}")

    assert (product["id"], product["sku"]) == (accepted["product_id"], sku)
    (image,) = product["images"]
    assert set(image) >= IMAGE_FIELDS
    assert (image["position"], image["source_url"], image["state"]) == (0, GOOD, "queued")


def test_jobs_are_listed_newest_first_without_their_images(api: Api, sku: str) -> None:
    posted = [api.accepted(image_url=GOOD, sku=sku)["job_id"] for _ in range(3)]

    page = api.get("/jobs", sku=sku)

    assert ids(page) == posted[::-1]
    assert page["next"] is None
    assert set(page["jobs"][0]) >= JOB_FIELDS - {"images"}
    assert page["jobs"][0]["sku"] == sku


def test_jobs_are_listed_by_state(api: Api, rows: Database, sku: str) -> None:
    states = [JobState.READY, JobState.PARTIAL, JobState.FAILED, JobState.CANCELLED]
    posted = {}
    for state in states:
        posted[state] = api.accepted(image_url=GOOD, sku=sku)["job_id"]
        finish(rows, posted[state], state)
    waiting = api.accepted(image_url=GOOD, sku=sku)["job_id"]

    for state in states:
        assert ids(api.get("/jobs", sku=sku, state=state)) == [posted[state]]
    assert ids(api.get("/jobs", sku=sku, state="queued")) == [waiting]
    assert ids(api.get("/jobs", sku=sku, state="running")) == []


def test_jobs_are_listed_since_a_moment(api: Api, sku: str) -> None:
    first = api.accepted(image_url=GOOD, sku=sku)
    second = api.accepted(image_url=GOOD, sku=sku)
    moment = api.get(second["status_url"])["created_at"]

    assert ids(api.get("/jobs", sku=sku, since=moment)) == [second["job_id"]]
    assert ids(api.get("/jobs", sku=sku, since="2000-01-01")) == [
        second["job_id"],
        first["job_id"],
    ]
    assert ids(api.get("/jobs", sku=sku, since="2999-01-01T00:00:00+02:00")) == []


def test_jobs_are_listed_by_product_and_by_lane(api: Api, sku: str) -> None:
    wanted = api.accepted(image_url=GOOD, sku=sku)
    api.accepted(image_url=GOOD, sku=f"{sku}-other")
    product = {"product_id": wanted["product_id"]}

    assert ids(api.get("/jobs", **product)) == [wanted["job_id"]]
    assert ids(api.get("/jobs", **product, lane="interactive")) == [wanted["job_id"]]
    assert ids(api.get("/jobs", **product, lane="bulk")) == []


def test_blanks_around_a_sku_are_dropped_wherever_it_is_sent(api: Api, sku: str) -> None:
    first = api.accepted(image_url=GOOD, sku=f" {sku}\t")
    second = api.accepted(image_url="https://supplier.example/blanks.jpg", sku=sku)

    assert first["product_id"] == second["product_id"]
    assert api.get(f"/products/{first['product_id']}")["sku"] == sku
    assert len(api.get("/jobs", sku=f"{sku} ")["jobs"]) == 2
    assert len(api.get("/products", sku=f" {sku}")["products"]) == 1


def test_an_unknown_sku_has_no_jobs(api: Api, sku: str) -> None:
    assert api.get("/jobs", sku=sku) == {"jobs": [], "next": None}


def test_pages_visit_every_job_once_while_new_ones_arrive(api: Api, sku: str) -> None:
    posted = [api.accepted(image_url=GOOD, sku=sku)["job_id"] for _ in range(10)]

    seen: list[str] = []
    path: str | None = f"/jobs?sku={sku}&limit=3&state=queued"
    while path:
        page = api.get(path)
        assert len(page["jobs"]) <= 3
        seen += ids(page)
        path = page["next"]
        api.accepted(image_url=GOOD, sku=sku)

    assert seen == posted[::-1]


def test_a_last_page_that_is_full_leads_to_an_empty_one_at_most(api: Api, sku: str) -> None:
    posted = [api.accepted(image_url=GOOD, sku=sku)["job_id"] for _ in range(4)]

    assert follow(api, f"/jobs?sku={sku}&limit=2") == posted[::-1]


def test_a_sku_with_signs_of_a_url_survives_paging(api: Api) -> None:
    sku = f"a&b=c#ü {uuid4()}"
    posted = [api.accepted(image_url=GOOD, sku=sku)["job_id"] for _ in range(3)]
    first = api.get("/jobs", sku=sku, limit=2)

    assert ids(first) + follow(api, first["next"]) == posted[::-1]


def test_health_asks_nobody(api: Api) -> None:
    assert api.get("/healthz") == {"status": "ok"}


def test_the_description_names_every_route_and_what_it_takes(api: Api) -> None:
    document = api.get("/openapi.json")

    routes = {(method, path) for path, item in document["paths"].items() for method in item}
    assert routes >= {
        ("post", "/process-image"),
        ("get", "/jobs"),
        ("get", "/jobs/{job_id}"),
        ("get", "/jobs/{job_id}/events"),
        ("post", "/jobs/{job_id}/images/{image_id}/retry"),
        ("get", "/products/{product_id}"),
        ("get", "/healthz"),
        ("get", "/readyz"),
    }
    content = document["paths"]["/process-image"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data"}
    assert "image_urls" in content["application/json"]["schema"]["properties"]
    assert all(
        operation.get("summary")
        for item in document["paths"].values()
        for operation in item.values()
    )
    assert api.call("GET", "/docs").status_code == 200
