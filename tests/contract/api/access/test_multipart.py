"""`POST /process-image` with files."""

import hashlib
from functools import cache
from typing import Any

import pytest
import requests

from api.resources import ApiConfiguration
from infra.stack.ports import free_port
from tests.contract.api.conftest import MAX_FILE_BYTES, MAX_UPLOAD_BYTES
from tests.contract.api.support.running import Api, changed, problem, running_api
from tests.pictures import photo

PATH = "/process-image"
File = tuple[str, tuple[str, bytes, str]]


@cache
def picture(seed: int) -> bytes:
    """Return the same bytes whenever it is asked for a seed."""
    return photo(200, 150, seed=seed)


def part(body: bytes, name: str = "a.jpg") -> File:
    return ("file", (name, body, "image/jpeg"))


def source(body: bytes) -> str:
    return f"upload:{hashlib.sha256(body).hexdigest()}"


def post(api: Api, *files: File, **fields: Any) -> requests.Response:
    return api.call("POST", PATH, files=list(files), data=fields)


def test_two_files_are_two_images_in_the_order_given(api: Api) -> None:
    bodies = [picture(2), picture(1)]

    response = post(api, *map(part, bodies), sku="multipart-1", metadata='{"a": [1]}')

    assert response.status_code == 202, response.text
    accepted = response.json()
    assert [image["source_url"] for image in accepted["images"]] == list(map(source, bodies))
    job = api.get(accepted["status_url"])
    assert [image["source_url"] for image in job["images"]] == list(map(source, bodies))
    assert (job["sku"], job["metadata"]) == ("multipart-1", {"a": [1]})


def test_files_and_urls_can_come_together(api: Api) -> None:
    url = "https://supplier.example/beside.jpg"

    accepted = post(api, part(picture(3)), image_url=url).json()

    assert {image["source_url"] for image in accepted["images"]} == {url, source(picture(3))}


def test_urls_alone_can_come_as_a_form(api: Api) -> None:
    urls = ["https://supplier.example/f1.jpg", "https://supplier.example/f2.jpg"]
    fields = [("image_urls", (None, url)) for url in urls]

    accepted = api.call("POST", PATH, files=fields).json()

    assert [image["source_url"] for image in accepted["images"]] == urls


def test_inputs_that_a_browser_sends_unfilled_say_nothing(api: Api) -> None:
    url = "https://supplier.example/unfilled.jpg"
    unfilled = ("file", ("", b"", "application/octet-stream"))

    by_url = post(api, unfilled, image_url=url, sku="", product_id="", callback_url=" ")
    by_file = post(api, part(picture(9)), image_url="", metadata="", preset="")

    assert by_url.status_code == 202, by_url.text
    assert [image["source_url"] for image in by_url.json()["images"]] == [url]
    assert by_file.status_code == 202, by_file.text
    assert [image["source_url"] for image in by_file.json()["images"]] == [source(picture(9))]
    problem(post(api, unfilled, image_url=""), 422, "invalid_request")


def test_a_file_with_a_name_and_no_bytes_is_refused(api: Api) -> None:
    problem(post(api, part(b"")), 422, "unsupported_format")


def test_the_same_file_twice_is_one_image(api: Api) -> None:
    accepted = post(api, part(picture(4)), part(picture(4))).json()

    assert len(accepted["images"]) == 1


@pytest.mark.parametrize("body", [b"", b"GIF", b"<svg/>", b"%PDF-1.7", b"\xff\xd8"])
def test_a_file_that_is_no_picture_is_named_by_its_index_and_nothing_is_accepted(
    api: Api, body: bytes
) -> None:
    before = api.count()

    response = post(api, part(picture(5)), part(body, "b.jpg"), part(picture(6)))

    assert response.json()["detail"].startswith("File 1 ")
    problem(response, 422, "unsupported_format")
    assert api.count() == before


def test_a_file_above_the_limit_is_refused_by_name(api: Api) -> None:
    fits = picture(7).ljust(MAX_FILE_BYTES, b"\0")
    assert post(api, part(fits)).status_code == 202
    before = api.count()

    answer = problem(post(api, part(fits + b"\0", "huge.jpg")), 413, "body_too_large")

    assert "huge.jpg" in answer["detail"]
    assert str(MAX_FILE_BYTES) in answer["detail"]
    assert api.count() == before


def test_all_files_together_have_a_limit(api: Api) -> None:
    body = picture(8).ljust(MAX_FILE_BYTES - 1, b"\0")

    problem(post(api, part(body), part(body), part(body)), 413, "body_too_large")
    assert 3 * len(body) > MAX_UPLOAD_BYTES


def test_more_files_than_images_allowed_are_refused(api: Api) -> None:
    response = post(api, *(part(b"\xff\xd8\xff\xe0", f"{n}.jpg") for n in range(101)))

    assert response.status_code in (400, 422)
    problem(response, response.status_code, response.json()["code"])


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"no boundary here"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense\r\n\r\na\r\n--x--\r\n"),
    ],
)
def test_a_broken_form_is_refused(api: Api, content_type: str, body: bytes) -> None:
    problem(api.send(body, content_type), 400, "invalid_request")


def test_a_form_without_images_is_refused(api: Api) -> None:
    response = api.call("POST", PATH, files=[("sku", (None, "multipart-2"))])

    problem(response, 422, "invalid_request")


def test_metadata_in_a_form_must_be_json(api: Api) -> None:
    problem(post(api, part(picture(9)), metadata="{"), 400, "malformed_json")
    problem(post(api, part(picture(9)), metadata="[]"), 422, "invalid_request")


def test_a_form_with_an_unknown_product_is_refused(api: Api) -> None:
    product_id = "01900000-0000-7000-8000-000000000000"

    problem(post(api, part(picture(10)), product_id=product_id), 404, "not_found")


def test_without_the_store_files_are_refused_and_urls_are_not(configured: ApiConfiguration) -> None:
    away = changed(configured, store={"endpoint": f"http://127.0.0.1:{free_port()}"})
    with running_api(away) as api:
        before = api.count()
        response = post(api, part(picture(11)))

        problem(response, 503, "store_unavailable")
        problem(post(api, part(picture(11)), preset="poster"), 422, "unknown_preset")
        assert int(response.headers["Retry-After"]) > 0
        assert api.count() == before
        api.accepted(image_url="https://supplier.example/no-store.jpg")
