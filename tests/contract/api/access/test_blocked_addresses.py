"""URLs that spell an address which is never connected to are refused at the door, at every door."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import requests

from api.resources import ApiConfiguration
from tests.contract.api.support.importing import NDJSON, send
from tests.contract.api.support.running import Api, changed, problem, running_api

GOOD = "https://supplier.example/a.jpg"
CODE = "blocked_address"

SPELLINGS = [
    *(
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0177.0.0.01",
    ),
    *("\uff11\uff12\uff17.\uff10.\uff10.\uff11", "localhost", "LOCALHOST.", "shop.localhost"),
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0"),
    *("[::1]", "[::]", "[fd00::1]", "[fe80::1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[::ffff:7f00:1]:80", "224.0.0.1", "255.255.255.255", "8.8.8.8:22"),
]


def form(api: Api, url: str) -> requests.Response:
    """Post a multipart form without a file."""
    return api.call("POST", "/process-image", files={"image_url": (None, url)})


def row(url: str) -> str:
    return f'{{"sku": "{uuid4().hex}", "image_urls": ["{url}"]}}\n'


# The ways in which a caller can have us connect to a URL.
DOORS: dict[str, Callable[[Api, str], requests.Response]] = {
    "one image": lambda api, url: api.post(image_url=url),
    "an image among others": lambda api, url: api.post(image_urls=[GOOD, url, GOOD]),
    "a form": form,
    "a callback": lambda api, url: api.post(image_url=GOOD, callback_url=url),
    "a webhook": lambda api, url: api.call("POST", "/webhooks", json={"url": url}),
    "a product": lambda api, url: api.call("POST", "/products", json={"images": [url]}),
    "the callback of an import": lambda api, url: send(api, row(GOOD), NDJSON, callback_url=url),
}


def webhooks(api: Api) -> list[Any]:
    return [each["url"] for each in api.get("/webhooks", limit=200)["webhooks"]]


@pytest.fixture(scope="module")
def opened(configured: ApiConfiguration) -> Iterator[Api]:
    """An API whose operator opened two doors inside."""
    entries = ("127.0.0.1:8001", "localhost:8002")
    with running_api(changed(configured, fetch={"allowed_private_hosts": entries})) as serving:
        yield serving


@pytest.mark.parametrize("authority", SPELLINGS, ids=ascii)
def test_every_spelling_of_a_blocked_address_is_refused_at_once(api: Api, authority: str) -> None:
    before = api.count()

    answer = problem(api.post(image_urls=[GOOD, f"http://{authority}/a.jpg"]), 422, CODE)

    assert answer["detail"].startswith("URL 1: ")
    assert "Nothing was accepted" in answer["detail"]
    assert api.count() == before


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "https://localhost/", "http://0x7f.1/"]
)
def test_every_door_refuses_a_blocked_address(api: Api, door: str, url: str) -> None:
    before = (api.count(), webhooks(api), len(api.get("/batches", limit=100)["batches"]))

    problem(DOORS[door](api, url), 422, CODE)

    assert (api.count(), webhooks(api), len(api.get("/batches", limit=100)["batches"])) == before


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("url", ["http://127.0.0.1:8001/a", "http://localhost:8002/a"])
def test_what_the_operator_opened_passes_every_door(opened: Api, door: str, url: str) -> None:
    assert DOORS[door](opened, url).status_code in (201, 202)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8002/a", "http://localhost:8003/a", "http://127.0.0.2:8001/a"]
)
def test_an_exception_for_one_port_opens_no_other(opened: Api, url: str) -> None:
    problem(opened.post(image_url=url), 422, CODE)


def test_a_blocked_address_is_the_error_of_its_row_alone(api: Api) -> None:
    body = row(GOOD) + row("http://10.0.0.1/a.jpg")

    refused = problem(send(api, body, NDJSON), 422, "invalid_rows")
    accepted = send(api, body, NDJSON, policy="reject_rows").json()

    for answer in (refused, accepted):
        assert (answer["accepted"], answer["rejected"]) == (1, 1)
        (error,) = answer["errors"]
        assert (error["line"], error["code"], error["column"]) == (2, CODE, "image_urls")
        assert "10.0.0.1" in error["detail"]


def test_a_row_for_an_opened_host_is_accepted(opened: Api) -> None:
    assert send(opened, row("http://127.0.0.1:8001/a.jpg"), NDJSON).status_code == 202


def test_a_refused_address_does_not_use_up_an_idempotency_key(api: Api) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    for url, status in (("http://127.0.0.1/a.jpg", 422), (GOOD, 202)):
        answer = api.call("POST", "/process-image", json={"image_url": url}, headers=headers)
        assert answer.status_code == status, answer.text
