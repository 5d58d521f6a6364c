"""What a person can do with a job: retry what failed, cancel what is not finished."""

from typing import Any
from uuid import uuid4

import pytest

from infra.contract.states import JobState
from infra.db.engine import Database
from tasks.jobs.end_early import Ending, end_early
from tasks.jobs.record import record
from tests.contract.api.support.running import Api, problem
from tests.contract.api.support.worker_part import fail, held
from tests.waiting import eventually

GOOD = "https://supplier.example/a.jpg"
ACTIONS = pytest.mark.parametrize("action", ["retry", "cancel"])


@pytest.fixture
def posted(api: Api) -> Any:
    """A job of a product that no other test has."""
    return api.accepted(image_url=GOOD, sku=f"actions-{uuid4()}")


def test_a_failed_job_is_queued_again(api: Api, rows: Database, posted: Any) -> None:
    fail(rows, held(rows, posted["job_id"]))
    path = posted["status_url"]
    assert api.get(path)["images"][0]["error"]["code"] == "http_404"

    response = api.call("POST", f"{path}/retry")

    assert response.status_code == 202
    assert response.headers["Location"] == path
    job = response.json()
    assert job["state"] == "queued"
    assert (job["attempts"], job["started_at"], job["finished_at"]) == (0, None, None)
    assert (job["images"][0]["state"], job["images"][0]["error"]) == ("queued", None)
    assert set(job) == set(api.get(path))


def test_a_retried_job_is_published_again(api: Api, rows: Database, posted: Any) -> None:
    fail(rows, held(rows, posted["job_id"]))
    api.call("POST", f"{posted['status_url']}/retry")

    eventually(lambda: is_dispatched(rows, posted["job_id"]), "the retried job is published")


def is_dispatched(rows: Database, job_id: str) -> bool:
    statement = f"SELECT dispatched_at FROM jobs WHERE id = '{job_id}' AND round = 1"
    with rows.transaction() as session:
        return session.connection().exec_driver_sql(statement).scalar_one() is not None


def test_a_job_that_has_not_ended_is_not_retried(api: Api, posted: Any) -> None:
    refusal = problem(api.call("POST", f"{posted['status_url']}/retry"), 409, "job_not_final")

    assert "cancel it first" in refusal["detail"]


def test_a_job_without_failures_is_not_retried(api: Api, rows: Database, posted: Any) -> None:
    statement = (
        f"UPDATE job_images SET state = 'ready', outcome = 'created', finished_at = now() "
        f"WHERE job_id = '{posted['job_id']}'"
    )
    with rows.transaction() as session:
        session.connection().exec_driver_sql(statement)
    assert record(rows, held(rows, posted["job_id"]), []) is JobState.READY

    problem(api.call("POST", f"{posted['status_url']}/retry"), 409, "nothing_to_retry")


def test_a_waiting_job_is_cancelled_now(api: Api, posted: Any) -> None:
    response = api.call("POST", f"{posted['status_url']}/cancel")

    assert response.status_code == 200
    job = response.json()
    assert job["state"] == "cancelled"
    assert job["finished_at"] is not None
    (image,) = job["images"]
    assert (image["state"], image["error"]["code"]) == ("failed", "cancelled")
    assert image["error"]["retryable"] is True
    assert job == api.get(posted["status_url"])


def test_a_running_job_is_cancelled_by_its_worker(api: Api, rows: Database, posted: Any) -> None:
    mine = held(rows, posted["job_id"])
    path = f"{posted['status_url']}/cancel"

    asked = api.call("POST", path)
    asked_again = api.call("POST", path)
    end_early(rows, mine, [], ending=Ending.CANCELLED)
    ended = api.call("POST", path)

    assert (asked.status_code, asked.json()["state"]) == (202, "running")
    assert asked.json()["images"][0]["state"] == "processing"
    assert (asked_again.status_code, asked_again.json()["state"]) == (202, "running")
    assert (ended.status_code, ended.json()["state"]) == (200, "cancelled")


def test_a_job_that_has_ended_is_not_cancelled(api: Api, rows: Database, posted: Any) -> None:
    fail(rows, held(rows, posted["job_id"]))

    problem(api.call("POST", f"{posted['status_url']}/cancel"), 409, "job_is_final")
    assert api.get(posted["status_url"])["state"] == "failed"


def test_a_cancelled_job_can_be_retried(api: Api, posted: Any) -> None:
    api.call("POST", f"{posted['status_url']}/cancel")

    response = api.call("POST", f"{posted['status_url']}/retry")

    assert (response.status_code, response.json()["state"]) == (202, "queued")


def test_a_job_that_ran_out_of_time_shows_its_own_error(
    api: Api, rows: Database, posted: Any
) -> None:
    end_early(rows, held(rows, posted["job_id"]), [], ending=Ending.TIMED_OUT)

    job = api.get(posted["status_url"])

    assert (job["state"], job["error"]["code"]) == ("failed", "job_timeout")
    assert job["images"][0]["error"]["code"] == "job_timeout"


def test_one_failed_image_is_made_again_and_the_others_stay(api: Api, rows: Database) -> None:
    posted = api.accepted(image_urls=[GOOD, f"{GOOD}?b"], sku=f"actions-{uuid4()}")
    fail(rows, held(rows, posted["job_id"]))
    path, image = posted["status_url"], posted["images"][1]["id"]

    response = api.call("POST", f"{path}/images/{image}/retry")

    assert (response.status_code, response.headers["Location"]) == (202, path)
    job = response.json()
    assert [image["state"] for image in job["images"]] == ["failed", "queued"]
    assert job["images"][0]["error"]["code"] == "http_404"
    assert (job["state"], job["progress"]) == ("queued", {"done": 1, "total": 2})
    assert [image.position for image in held(rows, posted["job_id"]).images] == [1]


def test_an_image_that_has_not_failed_is_not_made_again(
    api: Api, rows: Database, posted: Any
) -> None:
    path = f"{posted['status_url']}/images/{posted['images'][0]['id']}/retry"
    problem(api.call("POST", path), 409, "job_not_final")
    statement = (
        f"UPDATE job_images SET state = 'ready', outcome = 'created', finished_at = now() "
        f"WHERE job_id = '{posted['job_id']}'"
    )
    with rows.transaction() as session:
        session.connection().exec_driver_sql(statement)
    record(rows, held(rows, posted["job_id"]), [])

    refusal = problem(api.call("POST", path), 409, "nothing_to_retry")

    assert "This image" in refusal["detail"]


@pytest.mark.parametrize("identity", [str(uuid4()), "x"])
def test_an_image_that_the_job_does_not_have_is_not_found(
    api: Api, rows: Database, posted: Any, identity: str
) -> None:
    fail(rows, held(rows, posted["job_id"]))

    problem(api.call("POST", f"{posted['status_url']}/images/{identity}/retry"), 404, "not_found")

    assert api.get(posted["status_url"])["state"] == "failed"


@ACTIONS
@pytest.mark.parametrize("identity", [str(uuid4()), "x", "0"])
def test_a_job_that_is_unknown_is_not_found(api: Api, action: str, identity: str) -> None:
    problem(api.call("POST", f"/jobs/{identity}/{action}"), 404, "not_found")


@ACTIONS
def test_reading_an_action_is_not_possible(api: Api, posted: Any, action: str) -> None:
    problem(api.call("GET", f"{posted['status_url']}/{action}"), 405, "method_not_allowed")


@ACTIONS
def test_the_description_names_the_action(api: Api, action: str) -> None:
    operation = api.get("/openapi.json")["paths"][f"/jobs/{{job_id}}/{action}"]["post"]

    assert operation["summary"]
    assert "202" in operation["responses"]
