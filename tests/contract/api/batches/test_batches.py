"""Batches as callers see them: lists, counts, the report, and what can be done."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.db.models.imports import ImportRow
from infra.stack.stack import Stack
from tasks.batches.settle import settle_batch
from tasks.imports.plan import plan_some
from tasks.jobs.record import record
from tests.contract.api.support.importing import catalogue, imported, jobs_of, send, skus
from tests.contract.api.support.keyed import bearer, keyed_api
from tests.contract.api.support.running import Api, problem
from tests.contract.api.support.worker_part import fail, held
from tests.integration.database.fresh import execute
from tests.integration.tasks.job_rows import done, failed
from tests.waiting import eventually

STATES = {"queued", "running", "ready", "partial", "failed", "cancelled"}


def report(api: Api, batch_id: str) -> list[dict[str, str]]:
    response = api.call("GET", f"/batches/{batch_id}/report.csv")
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].startswith("text/csv")
    assert batch_id in response.headers["Content-Disposition"]
    return list(csv.DictReader(StringIO(response.content.decode())))


def make_first(rows: Database, job_id: str) -> None:
    """End a job with its first image made and the others failed."""
    mine = held(rows, job_id)
    first, *others = mine.images
    record(rows, mine, [done(first, first.source_url), *map(failed, others)])


@pytest.fixture
def ended(api: Api, rows: Database) -> tuple[str, list[str]]:
    """A batch with a partial and a failed job, and its skus."""
    names = skus(2)
    batch_id = imported(api, rows, catalogue(names, images=2))
    first, second = jobs_of(api, names)
    make_first(rows, first["id"])
    fail(rows, held(rows, second["id"]))
    settle_batch(rows, UUID(batch_id))
    return batch_id, names


def test_a_batch_is_shown_with_all_its_counts(api: Api, ended: tuple[str, list[str]]) -> None:
    batch = api.get(f"/batches/{ended[0]}")

    assert (batch["state"], batch["progress"], batch["planned"]) == ("partial", 1, True)
    assert set(batch["counts"]) == STATES
    assert (batch["counts"]["partial"], batch["counts"]["failed"]) == (1, 1)
    assert batch["finished_at"] is not None
    assert batch["links"]["report"] == f"/batches/{ended[0]}/report.csv"
    assert api.get(batch["links"]["self"]) == batch


def test_batches_are_listed_newest_first_page_by_page(api: Api) -> None:
    ids = [send(api, catalogue(skus(1))).json()["batch_id"] for _ in range(3)][::-1]

    first = api.get("/batches", limit=2)
    second = api.get(first["next"])

    listed = [batch["id"] for page in (first, second) for batch in page["batches"]]
    assert listed[:3] == ids
    assert first["batches"][0] == api.get(f"/batches/{ids[0]}")


def test_lists_are_filtered(api: Api, ended: tuple[str, list[str]]) -> None:
    for query, there in (
        ({"state": "partial"}, True),
        ({"state": "running"}, False),
        ({"kind": "import", "state": "partial"}, True),
        ({"kind": "reprocess"}, False),
    ):
        found = [batch["id"] for batch in api.get("/batches", limit=100, **query)["batches"]]
        assert (ended[0] in found) is there, query


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/batches?state=done", 422, "invalid_request"),
        ("/batches?limit=0", 422, "invalid_request"),
        ("/batches?before=x", 404, "not_found"),
        ("/batches/x", 404, "not_found"),
        (f"/batches/{uuid4()}", 404, "not_found"),
        (f"/batches/{uuid4()}/report.csv", 404, "not_found"),
    ],
)
def test_what_is_not_there_is_said(api: Api, path: str, status: int, code: str) -> None:
    problem(api.call("GET", path), status, code)


def test_the_report_has_a_line_per_image_in_the_order_of_the_file(
    api: Api, ended: tuple[str, list[str]]
) -> None:
    batch_id, names = ended
    lines = report(api, batch_id)

    assert [(line["line"], line["sku"], line["position"]) for line in lines] == [
        ("2", names[0], "0"),
        ("2", names[0], "1"),
        ("3", names[1], "0"),
        ("3", names[1], "1"),
    ]
    first, second = lines[:2]
    product = api.get("/products", sku=names[0])["products"][0]
    assert first["product_id"] == product["id"]
    assert first["source_url"] == f"https://supplier.example/{names[0]}/0.jpg"
    assert (first["state"], first["outcome"], first["error_code"]) == ("ready", "created", "")
    largest = api.get(f"/jobs/{first['job_id']}")["images"][0]["variants"][0]
    assert first["webp_url"] == largest["url"]
    assert first["jpeg_url"] == ""
    assert (second["state"], second["error_code"], second["webp_url"]) == (
        "failed",
        "http_404",
        "",
    )


def test_the_report_tells_of_rows_without_images(api: Api, rows: Database) -> None:
    good, plain, gone = skus(3)
    body = (
        f"sku,image_urls\n{good},https://s.example/{good}.jpg\n{plain},\nX,nonsense\n"
        f"{gone},https://s.example/{gone}.jpg\n"
    )
    waiting = send(api, body, policy="reject_rows").json()["batch_id"]
    assert [line["state"] for line in report(api, waiting)] == [
        *("not_planned", "not_planned", "rejected", "not_planned")
    ]

    batch_id = imported(api, rows, body, policy="reject_rows")
    execute(rows, f"DELETE FROM products WHERE sku = '{gone}'")
    lines = report(api, batch_id)

    assert [line["state"] for line in lines] == ["queued", "product_only", "rejected", "deleted"]
    assert lines[1]["product_id"]
    assert (lines[2]["error_code"], lines[2]["product_id"]) == ("invalid_url", "")
    assert "URL 0" in lines[2]["error_detail"]


def test_a_long_report_is_whole(api: Api, rows: Database) -> None:
    names = skus(1_203)
    batch_id = imported(api, rows, catalogue(names))
    assert [line["sku"] for line in report(api, batch_id)] == names


@pytest.mark.parametrize("opening", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_no_cell_of_a_report_is_a_formula(api: Api, rows: Database, opening: str) -> None:
    sku = f"{opening}-{uuid4().hex}"
    batch_id = imported(api, rows, f"sku\n{sku}\n")
    assert [line["sku"] for line in report(api, batch_id)] == [f"'{sku}"]


def test_a_reprocess_batch_has_a_report_in_its_order(api: Api, rows: Database) -> None:
    names = skus(3)
    imported(api, rows, catalogue(names))
    batch_id = str(uuid4())
    jobs = [job["id"] for job in jobs_of(api, names)]
    execute(
        rows,
        "INSERT INTO batches (id, kind, state, preset, planned_at) "
        f"VALUES ('{batch_id}', 'reprocess', 'running', 'web', now())",
        *(
            f"UPDATE jobs SET batch_id = '{batch_id}', batch_position = {position} "
            f"WHERE id = '{job_id}'"
            for position, job_id in enumerate(reversed(jobs))
        ),
    )

    lines = report(api, batch_id)

    assert [line["sku"] for line in lines] == names[::-1]
    assert [line["line"] for line in lines] == ["0", "1", "2"]
    assert api.get(f"/batches/{batch_id}")["rows"] is None


def test_a_batch_is_cancelled_and_retried(api: Api, rows: Database) -> None:
    names = skus(3)
    batch_id = imported(api, rows, catalogue(names))
    path = f"/batches/{batch_id}"

    response = api.call("POST", f"{path}/cancel")

    assert response.status_code == 202
    assert response.headers["Location"] == path
    assert response.json()["cancel_requested"] is True
    eventually(lambda: api.get(path)["state"] == "cancelled", "the batch is cancelled")
    assert api.get(path)["counts"]["cancelled"] == 3

    response = api.call("POST", f"{path}/retry")

    assert response.status_code == 202
    batch = response.json()
    assert (batch["state"], batch["round"], batch["cancel_requested"]) == ("running", 1, False)
    assert batch["counts"]["queued"] == 3
    assert batch["finished_at"] is None


def test_what_is_not_possible_says_why(api: Api, ended: tuple[str, list[str]]) -> None:
    path = f"/batches/{ended[0]}"
    problem(api.call("POST", f"{path}/cancel"), 409, "batch_is_final")
    assert api.call("POST", f"{path}/retry").status_code == 202
    problem(api.call("POST", f"{path}/retry"), 409, "batch_not_final")
    for action in ("cancel", "retry"):
        problem(api.call("POST", f"/batches/{uuid4()}/{action}"), 404, "not_found")
        problem(api.call("POST", f"/batches/x/{action}"), 404, "not_found")


def test_a_batch_without_failures_has_nothing_to_retry(api: Api, rows: Database) -> None:
    batch_id = imported(api, rows, f"sku\n{skus(1)[0]}\n")
    settle_batch(rows, UUID(batch_id))
    problem(api.call("POST", f"/batches/{batch_id}/retry"), 409, "nothing_to_retry")


@pytest.fixture(scope="module")
def guarded(stack: Stack) -> Iterator[Any]:
    with keyed_api(stack) as serving:
        yield serving, {scope: bearer(serving.issue(scope)) for scope in Scope}


def test_reading_needs_any_key_and_changing_the_scope_write(guarded: Any) -> None:
    serving, keys = guarded
    for path in ("/batches", f"/batches/{uuid4()}", f"/batches/{uuid4()}/report.csv"):
        assert serving.api.call("GET", path).status_code == 401
        assert serving.api.call("GET", path, headers=keys[Scope.READ]).status_code in (200, 404)
    for path in ("/imports", f"/batches/{uuid4()}/cancel", f"/batches/{uuid4()}/retry"):
        problem(serving.api.call("POST", path, headers=keys[Scope.READ]), 403, "forbidden")
        answer = serving.api.call("POST", path, headers=keys[Scope.WRITE], data=b"")
        assert answer.status_code in (404, 422)


def test_a_deleted_batch_takes_its_rows_along_and_leaves_its_products(
    api: Api, rows: Database, ended: tuple[str, list[str]]
) -> None:
    batch_id, names = ended

    assert api.call("DELETE", f"/batches/{batch_id}").status_code == 204

    assert api.call("GET", f"/batches/{batch_id}").status_code == 404
    assert api.call("GET", f"/batches/{batch_id}/report.csv").status_code == 404
    assert contents(rows, batch_id) == []
    assert [job["state"] for job in jobs_of(api, names)] == ["partial", "failed"]
    problem(api.call("DELETE", f"/batches/{batch_id}"), 404, "not_found")


def test_a_running_batch_is_not_deleted(api: Api, rows: Database) -> None:
    batch_id = imported(api, rows, catalogue(skus(1)))

    refused = problem(api.call("DELETE", f"/batches/{batch_id}"), 409, "batch_not_final")

    assert "Cancel it" in refused["detail"]
    assert len(contents(rows, batch_id)) == 1


def test_a_deleted_product_is_erased_from_the_rows_of_its_import(api: Api, rows: Database) -> None:
    kept, gone, without_job = skus(3)
    body = f"{catalogue([kept, gone])}\n{without_job},\n"
    batch_id = imported(api, rows, body)
    for sku in (gone, without_job):
        (product,) = api.get("/products", sku=sku)["products"]
        assert api.call("DELETE", f"/products/{product['id']}").status_code == 204

    assert contents(rows, batch_id) == [kept]
    assert {line["sku"] for line in report(api, batch_id)} == {kept, gone, without_job}


def contents(rows: Database, batch_id: str) -> list[str]:
    """Return the skus of the rows that still say what was in the file."""
    wanted = select(ImportRow.sku).where(ImportRow.content.is_not(None))
    with rows.transaction() as session:
        found = session.scalars(wanted.where(ImportRow.batch_id == UUID(batch_id)))
        return [sku or "" for sku in found]


def test_queries_of_source_urls_are_hidden_from_keys_that_may_only_read(stack: Stack) -> None:
    signed = f"https://supplier.example/{uuid4().hex}.jpg?signature=SECRET"
    with keyed_api(stack) as serving:
        keys = {scope: serving.issue(scope) for scope in Scope}
        write = bearer(keys[Scope.WRITE])
        file = f"sku,image_urls\nSIGNED,{signed}\n"
        headers = {**write, "Content-Type": "text/csv"}
        sent = serving.api.call("POST", "/imports", data=file, headers=headers).json()
        while plan_some(serving.database, UUID(sent["batch_id"]), limit=500):
            pass
        (job,) = serving.api.call("GET", "/jobs", headers=write).json()["jobs"]
        paths = [
            f"/jobs/{job['id']}",
            f"/products/{job['product_id']}",
            f"/products/{job['product_id']}",  # from the cache
            f"/batches/{sent['batch_id']}/report.csv",
        ]
        shown = {
            scope: [serving.api.call("GET", path, headers=bearer(key)).text for path in paths]
            for scope, key in keys.items()
        }

    assert all("SECRET" not in answer and ".jpg?\u2026" in answer for answer in shown[Scope.READ])
    for scope in (Scope.WRITE, Scope.ADMIN):
        assert all(signed in answer for answer in shown[scope])
