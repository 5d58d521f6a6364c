"""`/failures`: what failed in groups, and retrying a group as a batch."""

from typing import Any
from uuid import uuid4

from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.stack.stack import Stack
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.reprocess.targets import publish_targets
from tests.contract.api.support.keyed import bearer, keyed_api
from tests.contract.api.support.running import Api, problem
from tests.contract.api.support.worker_part import fail, held
from tests.waiting import eventually


def broken(api: Api, rows: Database, host: str, images: int = 2) -> Any:
    urls = [f"https://{host}/{number}.jpg?token=secret" for number in range(images)]
    job = api.accepted(image_urls=urls, sku=f"failed-{uuid4()}")
    fail(rows, held(rows, job["job_id"]))
    return job


def test_failures_are_shown_in_groups_and_a_group_is_retried_as_one_batch(
    api: Api, rows: Database
) -> None:
    publish_targets(rows, packaged_presets())
    host = f"{uuid4().hex}.example"
    job = broken(api, rows, host)

    def group() -> Any:
        groups = api.get("/failures")["groups"]
        return next((each for each in groups if each["host"] == host), None)

    eventually(group, "the failures are counted")
    told = group()
    assert (told["code"], told["images"], told["products"]) == ("http_404", 2, 1)
    assert (told["detail"], told["retryable"]) == ("It is gone.", False)
    (product,) = api.get("/products", error_code="http_404", host=host)["products"]
    assert product["id"] == job["product_id"]

    response = api.call("POST", "/failures/retry", json={"code": "http_404", "host": host.upper()})

    assert response.status_code == 202, response.text
    batch = response.json()
    assert (batch["images"], batch["products"]) == (2, 1)
    assert response.headers["Location"] == batch["status_url"]
    shown = api.get(batch["status_url"])
    assert shown["name"] == f"failed images with http_404 from {host}"
    assert (shown["kind"], shown["state"]) == ("reprocess", "running")
    again = api.call("POST", "/failures/retry", json={"code": "http_404", "host": host})
    assert (again.status_code, again.json()["batch_id"]) == (200, batch["batch_id"])
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_retry_that_makes_no_sense_is_refused_and_one_of_nothing_starts_nothing(
    api: Api, rows: Database
) -> None:
    for body, code in (
        ({"host": "unheard-of.example"}, "unknown_host"),
        ({"code": "http_42"}, "unknown_error_code"),
        ({"code": ""}, "invalid_request"),
        ({"preset": "web"}, "invalid_request"),
    ):
        problem(api.call("POST", "/failures/retry", json=body), 422, code)
    answer = api.call("POST", "/failures/retry", json={"code": "decoder_crashed"})
    assert (answer.status_code, answer.json()["batch_id"]) == (200, None)


def test_reading_failures_needs_any_key_and_retrying_them_the_scope_write(stack: Stack) -> None:
    with keyed_api(stack) as serving:
        reader, writer = (bearer(serving.issue(scope)) for scope in (Scope.READ, Scope.WRITE))
        assert serving.api.call("GET", "/failures", headers=reader).status_code == 200
        refused = serving.api.call("POST", "/failures/retry", json={}, headers=reader)
        problem(refused, 403, "forbidden")
        accepted = serving.api.call("POST", "/failures/retry", json={}, headers=writer)
        assert accepted.status_code == 200, accepted.text
