"""`POST /imports`: what is taken, what is refused, and that it happens once."""

from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.db.engine import Database
from infra.stack.stack import Stack
from tests.contract.api.support.importing import CSV, NDJSON, catalogue, imported, send, skus
from tests.contract.api.support.keyed import keyed_api
from tests.contract.api.support.running import Api, problem
from tests.integration.tasks.job_rows import at_once
from tests.unit.imports.workbooks import saved, workbook

EXPORTS = Path(__file__).parents[3] / "unit" / "imports" / "exports"

BAD = (
    "sku,image_urls\n"
    "A,nonsense\n"
    "B,https://supplier.example/b.jpg\n"
    ",https://supplier.example/c.jpg\n"
)


def batches(api: Api) -> int:
    return len(api.get("/batches", limit=100)["batches"])


def test_a_file_becomes_a_batch(api: Api) -> None:
    response = send(api, catalogue(skus(2)), name="spring")

    assert response.status_code == 202
    accepted = response.json()
    assert response.headers["Location"] == accepted["status_url"]
    assert (accepted["rows"], accepted["accepted"], accepted["rejected"]) == (2, 2, 0)
    assert accepted["errors"] == []
    batch = api.get(accepted["status_url"])
    assert (batch["id"], batch["kind"], batch["state"]) == (
        accepted["batch_id"],
        "import",
        "running",
    )
    assert (batch["name"], batch["preset"], batch["total"]) == ("spring", "web", 2)
    assert batch["options"]["policy"] == "reject_all"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("sku\n{}\n", CSV),
        ("sku\n{}\n", "text/csv; charset=UTF-8"),
        ("sku\tname\n{}\tx\n", "text/tab-separated-values"),
        ('{{"sku": "{}"}}', NDJSON),
        ('{{"sku": "{}"}}', "application/jsonl"),
        ("sku\n{}\n", None),
        ('\ufeff {{"sku": "{}"}}', None),
        ('{{"sku": "{}"}}', "application/x-www-form-urlencoded"),
    ],
)
def test_types_say_how_a_file_is_read_and_else_its_beginning(
    api: Api, body: str, content_type: str | None
) -> None:
    assert send(api, body.format(*skus(1)), content_type).status_code == 202


@pytest.mark.parametrize(
    ("name", "body", "media_type"),
    [
        ("shop.csv", "sku\n{}\n", CSV),
        ("shop.csv", "sku\n{}\n", "application/vnd.ms-excel"),
        ("shop.jsonl", '{{"sku": "{}"}}', "application/octet-stream"),
    ],
)
def test_a_form_carries_the_file_and_its_name(
    api: Api, name: str, body: str, media_type: str
) -> None:
    file = (name, body.format(*skus(1)).encode(), media_type)

    response = api.call("POST", "/imports", files={"file": file})

    assert response.status_code == 202, response.text
    assert api.get(response.json()["status_url"])["name"] == name


def test_a_form_with_anything_but_one_file_is_refused(api: Api) -> None:
    file = ("a.csv", b"sku\nA\n", CSV)
    answers = [
        api.call("POST", "/imports", files={"file": file}, data={"policy": "reject_rows"}),
        api.call("POST", "/imports", files=[("file", file), ("file", file)]),
        api.call("POST", "/imports", files={"x": (None, "y")}),
    ]
    assert [answer.status_code for answer in answers] == [422, 400, 422]
    for answer in answers:
        problem(answer, answer.status_code, "invalid_request")


@pytest.mark.parametrize(
    ("body", "content_type", "query", "status", "code"),
    [
        ("{}", "application/json", {}, 415, "unsupported_media_type"),
        ("sku\nA\n", "text/csv; charset=koi8-r", {}, 415, "unsupported_media_type"),
        (b"sku\n\x81\n", CSV, {}, 422, "bad_encoding"),
        (b"PK\x03\x04", CSV, {}, 422, "bad_file"),
        ("<rss/>", "application/xml", {}, 422, "bad_file"),
        ("sku,colour\nA,red\n", CSV, {"columns": "strict"}, 422, "bad_header"),
        ("sku\nA\n", CSV, {"profile": "etsy"}, 422, "invalid_request"),
        ("sku\nA\n", CSV, {"map": "Image Src"}, 422, "invalid_request"),
        ("sku\nA\n", CSV, {"currency": "Euro"}, 422, "invalid_request"),
        ("sku\nA\n", CSV, {"base_url": "media/"}, 422, "invalid_url"),
        ("", CSV, {}, 422, "bad_header"),
        ("sku\n", CSV, {}, 422, "too_many_rows"),
        ("", NDJSON, {}, 422, "too_many_rows"),
        ("sku\nA\n", CSV, {"preset": "poster-of-nobody"}, 422, "unknown_preset"),
        ("sku\nA\n", CSV, {"callback_url": "ftp://shop.example"}, 422, "invalid_url"),
        ("sku\nA\n", CSV, {"callback_url": "http://a:b@shop.example"}, 422, "invalid_url"),
        ("sku\nA\n", CSV, {"policy": "whatever"}, 422, "invalid_request"),
        ("sku\nA\n", CSV, {"polcy": "reject_rows"}, 422, "invalid_request"),
        ("sku\nA\n", CSV, {"dry_run": "maybe"}, 422, "invalid_request"),
        ("sku,name\n,x\n", CSV, {"policy": "reject_rows"}, 422, "invalid_rows"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(
    api: Api, body: Any, content_type: str, query: dict[str, str], status: int, code: str
) -> None:
    before = batches(api)
    for more in ({}, {"dry_run": "true"}):
        if code == "invalid_rows" and more:
            continue
        problem(send(api, body, content_type, **{**more, **query}), status, code)
    assert batches(api) == before


def test_one_bad_row_refuses_the_file_by_default(api: Api) -> None:
    body = problem(send(api, BAD), 422, "invalid_rows")

    assert (body["rows"], body["accepted"], body["rejected"]) == (3, 1, 2)
    assert [(e["line"], e["column"], e["code"]) for e in body["errors"]] == [
        (2, "image_urls", "invalid_url"),
        (4, "sku", "invalid_request"),
    ]
    assert all(error["detail"] for error in body["errors"])


def test_a_hundred_errors_are_told(api: Api) -> None:
    body = problem(send(api, "sku,price\n" + ",x\n" * 150), 422, "invalid_rows")

    assert (body["rejected"], len(body["errors"])) == (150, 100)


@pytest.mark.parametrize("policy", ["reject_rows", "ignore_failed"])
def test_other_policies_take_the_good_rows_and_report_the_bad_ones(
    api: Api, rows: Database, policy: str
) -> None:
    a, b = skus(2)
    response = send(api, BAD.replace("A,", f"{a},").replace("B,", f"{b},"), policy=policy)

    assert response.status_code == 202
    accepted = response.json()
    assert (accepted["accepted"], len(accepted["errors"])) == (1, 2)
    batch = api.get(accepted["status_url"])
    assert batch["rows"] == {"total": 3, "accepted": 1, "rejected": 2}


@pytest.mark.parametrize(("policy", "acceptable"), [("reject_all", False), ("reject_rows", True)])
def test_a_dry_run_tells_and_writes_nothing(api: Api, policy: str, *, acceptable: bool) -> None:
    before = batches(api)

    response = send(api, BAD, policy=policy, dry_run="true", key=f"dry-{uuid4()}")

    assert response.status_code == 200
    checked = response.json()
    assert checked["acceptable"] is acceptable
    assert (checked["rows"], checked["accepted"], checked["rejected"]) == (3, 1, 2)
    assert len(checked["errors"]) == 2
    assert batches(api) == before


def test_a_dry_run_shows_how_a_file_is_read(api: Api) -> None:
    body = (EXPORTS / "shopify.csv").read_text().encode("cp1252")

    checked = send(api, body, None, dry_run="true", currency="EUR", map="Vendor:owner_id").json()

    read = checked["read"]
    assert (read["format"], read["encoding"], read["delimiter"]) == ("csv", "utf-8", ",")
    assert (read["profile"], read["sheet"], read["warnings"]) == ("shopify", None, [])
    fields = {each["column"]: each["field"] for each in read["columns"]}
    assert fields == {
        "Handle": "group",
        "Title": "name",
        "Body (HTML)": "description",
        "Vendor": "owner_id",
        "Variant SKU": "sku",
        "Variant Price": "price",
        "Image Src": "image_urls",
        "Image Alt Text": "alt_text",
    }
    assert {"Tags", "Variant Image"} <= set(read["ignored_columns"])
    assert (checked["rows"], checked["products"], checked["acceptable"]) == (4, 2, True)
    first, second = checked["preview"]
    assert (first["line"], first["sku"], len(first["images"])) == (2, "TRAIL-42", 3)
    assert first["images"][0]["alt"] == "Side | left"
    assert second["fields"] == {
        "name": "Wool cap",
        "price": "19.00",
        "currency": "EUR",
        "owner_id": "Acme",
    }


def test_files_of_every_format_are_one_door(api: Api, rows: Database) -> None:
    (sku,) = skus(1)
    image = f"https://supplier.example/{sku}.jpg"
    feed = f"<rss><item><id>{sku}</id><image_link>{image}</image_link></item></rss>"
    book = saved(workbook([["sku", "image_urls"], [sku, image]]))

    for body, told, content_type in (
        (feed, "feed", "application/xml"),
        (feed, "feed", None),
        (book, "xlsx", None),
        (f"sku\timage_urls\n{sku}\t{image}\n".encode("utf-16"), "csv", None),
    ):
        response = send(api, body, content_type)
        assert response.status_code == 202, response.text
        assert (response.json()["read"]["format"], response.json()["products"]) == (told, 1)


def test_rows_of_one_sku_are_one_job_with_all_their_images(api: Api, rows: Database) -> None:
    a, b = skus(2)
    lines = [f"{sku},https://s.example/{sku}/{n}.jpg" for n in range(2) for sku in (a, b)]

    imported(api, rows, "\n".join(["sku,image_urls", *lines]))

    for sku in (a, b):
        (job,) = api.get("/jobs", sku=sku)["jobs"]
        found = [image["source_url"] for image in api.get(f"/jobs/{job['id']}")["images"]]
        assert found == [f"https://s.example/{sku}/{n}.jpg" for n in range(2)]


def test_a_repeated_file_with_a_key_is_one_batch(api: Api) -> None:
    key, body = f"key-{uuid4()}", catalogue(skus(3))
    first = send(api, body, key=key)
    again = send(api, body, key=key)

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.json() == first.json()
    for other in (
        send(api, body + "\n" + skus(1)[0] + ",", key=key),
        send(api, body, key=key, policy="reject_rows"),
    ):
        problem(other, 409, "idempotency_conflict")


def test_a_key_of_a_job_is_taken_for_an_import_and_the_other_way_round(api: Api) -> None:
    key, headers = f"key-{uuid4()}", {"Idempotency-Key": f"key-{uuid4()}"}
    fields = {"image_url": "https://supplier.example/a.jpg"}
    assert send(api, catalogue(skus(1)), key=key).status_code == 202
    assert api.call("POST", "/process-image", json=fields, headers=headers).status_code == 202

    problem(
        api.call("POST", "/process-image", json=fields, headers={"Idempotency-Key": key}),
        *(409, "idempotency_conflict"),
    )
    taken = send(api, catalogue(skus(1)), key=headers["Idempotency-Key"])
    problem(taken, 409, "idempotency_conflict")


def test_a_refused_file_does_not_use_up_its_key(api: Api) -> None:
    key = f"key-{uuid4()}"
    problem(send(api, BAD, key=key), 422, "invalid_rows")
    assert send(api, catalogue(skus(1)), key=key).status_code == 202


def test_twenty_simultaneous_equal_imports_are_one_batch(api: Api) -> None:
    key, body = f"key-{uuid4()}", catalogue(skus(50))

    answers = at_once([partial(send, api, body, key=key)] * 20)

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert len({answer.json()["batch_id"] for answer in answers}) == 1


def test_limits_hold_for_bodies_and_forms(stack: Stack) -> None:
    with keyed_api(stack, imports={"max_rows": 3, "max_bytes": 2_000}) as serving:
        api = serving.api
        problem(send(api, "sku\nA\nB\nC\nD\n"), 422, "too_many_rows")
        big = "sku,name\n" + "x" * 100_000
        for answer in (
            send(api, big),
            api.call("POST", "/imports", files={"file": ("a.csv", big.encode(), CSV)}),
            api.call("POST", "/imports", data=iter([big.encode()] * 2)),  # no length is told
        ):
            problem(answer, 413, "body_too_large")
        assert send(api, "sku\nA\nB\nC\n").status_code == 202


def test_an_imported_row_is_a_product_with_a_job(api: Api, rows: Database) -> None:
    (sku,) = skus(1)
    body = f"sku;name;price;currency;image_urls\n{sku};Shoe;9.90;EUR;https://s.example/{sku}.jpg\n"

    batch_id = imported(api, rows, body)

    (head,) = api.get("/products", sku=sku)["products"]
    assert (head["name"], head["price"], head["currency"]) == ("Shoe", "9.90", "EUR")
    (job,) = api.get("/jobs", sku=sku)["jobs"]
    assert (job["lane"], job["state"]) == ("bulk", "queued")
    counts = api.get(f"/batches/{batch_id}")["counts"]
    assert (counts["queued"], sum(counts.values()), len(counts)) == (1, 1, 6)
