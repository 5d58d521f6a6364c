"""`Idempotency-Key` on `POST /process-image`."""

import json
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.contract.api.support.running import Api, problem
from tests.integration.tasks.job_rows import at_once
from tests.pictures import photo

PATH = "/process-image"
URL = "https://supplier.example/idempotent.jpg"
REPLAYED = "Idempotent-Replayed"
CALLERS = 20
SECONDS = 30


@pytest.fixture
def key() -> str:
    return f"key-{uuid4()}"


def post(api: Api, key: str, **fields: Any) -> requests.Response:
    return api.call("POST", PATH, json=fields, headers={"Idempotency-Key": key})


def upload(api: Api, key: str, *bodies: bytes, **fields: str) -> requests.Response:
    files = [("file", ("a.jpg", body, "image/jpeg")) for body in bodies]
    headers = {"Idempotency-Key": key}
    return api.call("POST", PATH, files=files, data=fields, headers=headers)


def test_a_repeated_request_is_answered_with_its_job(api: Api, key: str) -> None:
    first = post(api, key, image_url=URL, sku=key)
    again = post(api, key, image_url=URL, sku=key)

    assert first.status_code == 202
    assert REPLAYED not in first.headers
    assert again.status_code == 200
    assert again.headers[REPLAYED] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json() == first.json()


def test_another_spelling_of_the_same_request_is_the_same_request(api: Api, key: str) -> None:
    first = post(api, key, image_url=URL)
    again = post(api, key, image_urls=["HTTPS://Supplier.Example:443/idempotent.jpg"], preset="web")

    assert again.status_code == 200
    assert again.json()["job_id"] == first.json()["job_id"]


def test_another_request_with_the_same_key_is_a_conflict(api: Api, key: str) -> None:
    post(api, key, image_url=URL)
    before = api.count()

    body = problem(post(api, key, image_url=URL + "?2"), 409, "idempotency_conflict")

    assert "new key" in body["detail"]
    assert api.count() == before


def test_without_a_key_every_request_is_a_job(api: Api) -> None:
    jobs = {api.accepted(image_url=URL)["job_id"] for _ in range(2)}
    assert len(jobs) == 2


def test_twenty_simultaneous_equal_posts_are_one_job(api: Api, key: str) -> None:
    before = api.count()

    answers = at_once([partial(post, api, key, image_url=URL, sku=key)] * CALLERS)

    assert sorted(answer.status_code for answer in answers) == [200] * (CALLERS - 1) + [202]
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    assert api.count() == before + 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"image_url": "ftp://supplier.example/a"}, 422, "invalid_url"),
        ({}, 422, "invalid_request"),
        ({"image_url": URL, "preset": "poster-of-nobody"}, 422, "unknown_preset"),
        ({"image_url": URL, "product_id": str(uuid4())}, 404, "not_found"),
    ],
)
def test_a_refused_request_does_not_use_up_its_key(
    api: Api, key: str, fields: dict[str, Any], status: int, code: str
) -> None:
    problem(post(api, key, **fields), status, code)

    assert post(api, key, image_url=URL).status_code == 202


def test_a_repeated_upload_is_answered_with_its_job(api: Api, key: str) -> None:
    body, other = photo(60, 40, seed=71), photo(60, 40, seed=72)
    first = upload(api, key, body, sku=key)
    again = upload(api, key, body, sku=key)  # under another boundary: other bytes, same request

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["job_id"] == first.json()["job_id"]
    problem(upload(api, key, other, sku=key), 409, "idempotency_conflict")
    problem(upload(api, key, body, other, sku=key), 409, "idempotency_conflict")


@pytest.mark.parametrize("bad", ["", "a b", "a\tb", "x" * 256, "clé"])
def test_an_unusable_key_is_refused(api: Api, bad: str) -> None:
    before = api.count()
    headers = {"Idempotency-Key": bad.encode("latin-1")}

    response = api.call("POST", PATH, json={"image_url": URL}, headers=headers)

    problem(response, 400, "invalid_idempotency_key")
    assert api.count() == before


def test_the_longest_key_is_taken(api: Api, key: str) -> None:
    assert post(api, key.ljust(255, "x"), image_url=URL).status_code == 202


def test_two_keys_in_one_request_are_refused(api: Api, key: str) -> None:
    with closing(HTTPConnection("127.0.0.1", api.port, timeout=SECONDS)) as connection:
        connection.putrequest("POST", PATH)
        for value in (key, "another"):
            connection.putheader("Idempotency-Key", value)
        body = json.dumps({"image_url": URL}).encode()
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()

        assert answer.status == 400
        assert json.loads(answer.read())["code"] == "invalid_idempotency_key"


def test_the_documentation_names_the_header_and_its_limits(api: Api) -> None:
    parameters = api.get("/openapi.json")["paths"][PATH]["post"]["parameters"]
    (shown,) = [one for one in parameters if one["name"] == "Idempotency-Key"]
    assert shown["in"] == "header"
    assert not shown["required"]
    assert "255" in str(shown["schema"])
