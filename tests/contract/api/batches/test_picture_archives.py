"""ZIP archives at `POST /imports`: one batch with a report, whatever happens in the middle."""

import csv
import hashlib
import os
import signal
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from io import StringIO
from uuid import uuid4

import requests

from infra.contract.object_keys import original_key
from infra.db.engine import Database
from infra.settings.sections import DatabaseSettings
from infra.stack.stack import Stack
from tests.contract.api.support.importing import jobs_of, send, skus
from tests.contract.api.support.running import Api, problem
from tests.contract.api.support.served import served_api
from tests.integration.database.fresh import tabled_database
from tests.integration.tasks.job_rows import count
from tests.pictures import photo
from tests.support.stored import stored_keys
from tests.unit.imports.workbooks import packed
from tests.waiting import eventually


@cache
def picture(seed: int) -> bytes:
    """Return the same bytes whenever it is asked for a seed."""
    return photo(64, 48, seed=seed)


def source(body: bytes) -> str:
    return f"upload:{hashlib.sha256(body).hexdigest()}"


def stored(stack: Stack, bodies: Iterable[bytes]) -> int:
    """Return how many of the pictures are in the object store."""
    shas = (hashlib.sha256(body).hexdigest() for body in bodies)
    return len({original_key(sha256, "jpg") for sha256 in shas} & stored_keys(stack.description))


def test_an_archive_is_one_batch_whose_report_names_the_files(api: Api) -> None:
    a, b = skus(2)
    bodies = {f"{a}_2.jpg": picture(2), f"{a}_1.jpg": picture(1), f"shop/{b}/1.jpg": picture(1)}

    response = send(api, packed({**bodies, "notes.txt": b"x"}), None, policy="reject_rows")

    assert response.status_code == 202, response.text
    answer = response.json()
    assert (answer["rows"], answer["accepted"], answer["products"]) == (4, 3, 2)
    assert (answer["read"]["format"], answer["read"]["pattern"]) == (
        "zip",
        "{sku}_{n} or {sku}/{n}",
    )
    assert [error["column"] for error in answer["errors"]] == ["notes.txt"]
    batch = api.get(answer["status_url"])
    assert (batch["planned"], batch["total"], batch["counts"]["queued"]) == (True, 2, 2)
    first, _ = jobs_of(api, [a, b])
    shown = [image["source_url"] for image in api.get(f"/jobs/{first['id']}")["images"]]
    assert shown == [source(picture(1)), source(picture(2))]
    report = api.call("GET", f"/batches/{answer['batch_id']}/report.csv").text
    lines = list(csv.DictReader(StringIO(report, newline="")))
    assert [(line["sku"], line["state"], line["file"]) for line in lines] == [
        (a, "queued", f"{a}_1.jpg"),
        (a, "queued", f"{a}_2.jpg"),
        (b, "queued", f"shop/{b}/1.jpg"),
        ("", "rejected", ""),
    ]
    assert "notes.txt: Its name is not like" in lines[3]["error_detail"]


def test_a_wrong_name_refuses_the_archive_unless_rows_may_be_rejected(api: Api) -> None:
    (a,) = skus(1)
    archive = packed({f"{a}_1.jpg": picture(1), "x.jpg": picture(2)})

    body = problem(send(api, archive, "application/zip"), 422, "invalid_rows")
    assert [error["column"] for error in body["errors"]] == ["x.jpg"]
    problem(send(api, archive, None, pattern="{n}"), 422, "invalid_request")
    checked = send(api, archive, None, dry_run="true", pattern="{sku}").json()
    assert [each["images"][0]["file"] for each in checked["preview"]] == [f"{a}_1.jpg", "x.jpg"]
    assert api.get("/jobs", sku=a)["jobs"] == []


def test_an_archive_cut_off_by_a_kill_is_whole_when_it_is_sent_again(stack: Stack) -> None:
    files = {f"S{number // 4}_{number}.jpg": picture(1_000 + number) for number in range(120)}
    body, key = packed(files), f"key-{uuid4()}"
    with (
        tabled_database(stack.description.postgres_url) as url,
        Database(DatabaseSettings(url=url)) as rows,
    ):
        with (
            ThreadPoolExecutor(1) as pool,
            served_api(stack.description, url) as (api, process_id),
            suppress(requests.RequestException),
        ):
            sending = pool.submit(send, api, body, None, key=key)
            eventually(lambda: stored(stack, files.values()) > 5, "some pictures are stored")
            os.kill(process_id, signal.SIGKILL)
            sending.result()
        assert [count(rows, table) for table in ("batches", "images", "originals")] == [0, 0, 0]
        with served_api(stack.description, url) as (api, _):
            first, again = (send(api, body, None, key=key) for _ in range(2))
        assert (first.status_code, again.status_code) == (202, 200), first.text
        assert first.json()["batch_id"] == again.json()["batch_id"]
        tables = ("batches", "products", "jobs", "images", "originals")
        assert [count(rows, table) for table in tables] == [1, 30, 30, 120, 120]
