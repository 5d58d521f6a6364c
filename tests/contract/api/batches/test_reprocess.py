"""`POST /reprocess`: counts, batches, keys and refusals."""

from uuid import uuid4

import pytest

from infra.db.engine import Database
from tests.contract.api.support.running import Api, problem
from tests.integration.reprocess.catalogue import batch_row, made, publish
from tests.integration.tasks.job_rows import count


@pytest.fixture
def sku(rows: Database) -> str:
    """A product whose one image is up to date."""
    publish(rows)
    name = f"reprocess-{uuid4()}"
    made(rows, name, sku=name)
    return name


def test_a_dry_run_counts_and_touches_nothing(api: Api, rows: Database, sku: str) -> None:
    before = count(rows, "batches"), count(rows, "jobs")

    answer = api.call("POST", "/reprocess", json={"skus": [sku], "force": True, "dry_run": True})

    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["products"], found["images"], found["bytes"]) == (1, 1, 1000)
    assert found["variants"] == 8
    assert found["estimated_cpu_seconds"] > 0
    assert "batch_id" not in found
    assert (count(rows, "batches"), count(rows, "jobs")) == before


def test_a_selection_becomes_a_batch_with_its_options(api: Api, rows: Database, sku: str) -> None:
    answer = api.call("POST", "/reprocess", json={"skus": [sku], "force": True})

    assert answer.status_code == 202, answer.text
    started = answer.json()
    assert answer.headers["Location"] == f"/batches/{started['batch_id']}"
    batch = batch_row(rows, started["batch_id"])
    assert (batch.kind, batch.state, batch.planned_at) == ("reprocess", "running", None)
    assert batch.options == {"skus": [sku], "force": True}


def test_nothing_to_do_makes_no_batch_and_says_so(api: Api, rows: Database, sku: str) -> None:
    before = count(rows, "batches")

    answer = api.call("POST", "/reprocess", json={"skus": [sku]})

    assert answer.status_code == 200, answer.text
    assert (answer.json()["batch_id"], answer.json()["images"]) == (None, 0)
    assert count(rows, "batches") == before


def test_the_same_key_gives_the_same_batch(api: Api, sku: str) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"skus": [sku], "force": True}

    first = api.call("POST", "/reprocess", json=body, headers=headers)
    again = api.call("POST", "/reprocess", json=body, headers=headers)
    other = api.call("POST", "/reprocess", json={"force": True}, headers=headers)

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["batch_id"] == first.json()["batch_id"]
    problem(other, 409, "idempotency_conflict")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"preset": "none"}, "unknown_preset"),
        ({"to_preset": "none"}, "unknown_preset"),
        ({"host": "nobody.example"}, "unknown_host"),
        ({"skus": ["nobody has this"]}, "unknown_sku"),
        ({"image_ids": [str(uuid4())]}, "unknown_id"),
        ({"failed_with": "tired"}, "unknown_error_code"),
        ({"colour": "red"}, "invalid_request"),
        ({"limit": 0}, "invalid_request"),
        ({"created_since": "2026-01-02T03:04:05"}, "invalid_request"),
        (
            {"updated_since": "2026-02-01T00:00:00Z", "updated_until": "2026-01-01T00:00:00Z"},
            "invalid_request",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(api: Api, body: dict[str, object], code: str) -> None:
    problem(api.call("POST", "/reprocess", json=body), 422, code)
