"""`POST /process-image` with JSON: what is accepted, and what is refused without a trace."""

from collections import defaultdict
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from tests.contract.api.support.running import Api, problem

ONE = b'{"image_url": "https://example.com/image.jpg"}'
GOOD = "https://supplier.example/a.jpg"
FORM = "application/x-www-form-urlencoded"
MERGE_PATCH = "application/merge-patch+json"


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", FORM, None],
)
def test_json_is_accepted_under_its_own_type_under_none_and_as_curl_sends_it(
    api: Api, content_type: str | None
) -> None:
    response = api.send(ONE, content_type)

    assert response.status_code == 202, response.text
    assert response.headers["Content-Type"] == "application/json"


def test_every_route_reads_json_under_the_same_content_types(api: Api) -> None:
    taken = ("application/json", "Application/JSON; charset=utf-8", MERGE_PATCH, FORM, None)
    routes = [
        (method.upper(), path.format_map(defaultdict(lambda: str(uuid4()))))
        for path, item in api.get("/openapi.json")["paths"].items()
        for method, operation in item.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    assert {("POST", "/process-image"), ("POST", "/products"), ("POST", "/webhooks")} <= {*routes}
    for method, path in routes:
        for content_type in taken:
            headers = {} if content_type is None else {"Content-Type": content_type}
            refused = api.call(method, path, data=b"{", headers=headers)
            assert refused.json()["code"] == "malformed_json", (method, path, content_type)
        for content_type in ("text/plain", "application/xml"):
            refused = api.call(method, path, data=b"{", headers={"Content-Type": content_type})
            problem(refused, 415, "unsupported_media_type")


def test_the_answer_names_the_job_its_images_and_where_to_look(api: Api) -> None:
    urls = [f"https://supplier.example/{name}.jpg" for name in "cab"]

    response = api.post(image_urls=urls)

    body = response.json()
    assert set(body) == {"job_id", "product_id", "state", "images", "status_url"}
    assert response.headers["Location"] == f"/jobs/{body['job_id']}" == body["status_url"]
    assert body["state"] == "queued"
    assert all(UUID(body[name]).version == 7 for name in ("job_id", "product_id"))
    assert [image["source_url"] for image in body["images"]] == urls
    assert [image["position"] for image in body["images"]] == [0, 1, 2]
    assert {image["state"] for image in body["images"]} == {"queued"}
    assert api.get(body["status_url"])["id"] == body["job_id"]


def test_urls_are_kept_in_one_spelling_and_equal_ones_are_one_image(api: Api) -> None:
    body = api.accepted(
        image_urls=[
            "HTTPS://Supplier.Example:443/a b.jpg#top",
            "https://supplier.example/a%20b.jpg",
            "https://supplier.example/other.jpg",
        ]
    )

    assert [image["source_url"] for image in body["images"]] == [
        "https://supplier.example/a%20b.jpg",
        "https://supplier.example/other.jpg",
    ]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "image/jpeg", "application/json-seq", "multipart/mixed"],
)
def test_another_content_type_is_refused(api: Api, content_type: str) -> None:
    answer = problem(api.send(ONE, content_type), 415, "unsupported_media_type")

    assert content_type in answer["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'image_url': 'x'}",
        b'{"image_url": "https://a.example/a.jpg",}',
        b'{"metadata": {"a": NaN}, "image_url": "https://a.example/a.jpg"}',
        b'{"metadata": {"a": -Infinity}, "image_url": "https://a.example/a.jpg"}',
        b"image_url=https%3A%2F%2Fexample.com",
        b'{"image_url": "https://a.example/\xff.jpg"}',
        '{"image_url": "https://a.example/a.jpg"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"metadata": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
        b'{"metadata": {"n": ' + b"9" * 5_000 + b"}}",
    ],
    ids=[
        *("empty", "cut", "quotes", "comma", "nan", "infinity", "form", "latin-1", "utf-16"),
        *("deep-list", "deep-object", "endless-number"),
    ],
)
def test_broken_json_is_told_from_bad_content(api: Api, body: bytes) -> None:
    problem(api.send(body, "application/json"), 400, "malformed_json")


def test_a_problem_with_json_says_where(api: Api) -> None:
    answer = problem(api.send(b'{\n "image_url" 1}'), 400, "malformed_json")

    assert "line 2" in answer["detail"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"https://example.com/a.jpg"', b"7"])
def test_json_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    problem(api.send(body), 422, "invalid_request")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "not a url",
        "ftp://supplier.example/a.jpg",
        "//supplier.example/a.jpg",
        "https://",
        "https://user:secret@supplier.example/a.jpg",
        "https://supplier.example:99999/a.jpg",
        "https://supplier.example\\@evil.example/a.jpg",
        "file:///etc/passwd",
        " https://supplier.example/a.jpg",
        "https://supplier.example/\x00.jpg",
    ],
)
def test_a_bad_url_among_good_ones_is_named_by_its_index_and_nothing_is_accepted(
    api: Api, bad: str
) -> None:
    before = api.count()

    answer = problem(api.post(image_urls=[GOOD, GOOD, bad, GOOD]), 422, "invalid_url")

    assert answer["detail"].startswith("URL 2:")
    assert "Nothing was accepted" in answer["detail"]
    assert api.count() == before


def test_names_whose_addresses_nobody_has_looked_up_are_accepted_to_fail_later(api: Api) -> None:
    urls = ["https://no-such-host.invalid/", "https://supplier.example:8080/a.jpg"]

    assert len(api.accepted(image_urls=urls)["images"]) == 2


def test_a_hundred_urls_are_accepted_and_one_more_is_not(api: Api) -> None:
    urls = [f"https://supplier.example/{n}.jpg" for n in range(101)]
    accepted = api.accepted(image_urls=urls[:100])
    assert [image["position"] for image in accepted["images"]] == list(range(100))
    before = api.count()

    answer = problem(api.post(image_urls=urls), 422, "too_many_urls")

    assert "100" in answer["detail"]
    assert api.count() == before


def test_a_url_of_2048_characters_is_accepted_and_a_longer_one_is_not(api: Api) -> None:
    longest = "https://supplier.example/".ljust(2048, "a")
    assert api.accepted(image_url=longest)["images"][0]["source_url"] == longest

    answer = problem(api.post(image_urls=[GOOD, longest + "a"]), 422, "invalid_url")
    assert answer["detail"].startswith("URL 1:")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "invalid_request"),
        ({"sku": "S-1"}, "invalid_request"),
        ({"image_urls": []}, "invalid_request"),
        ({"image_url": None}, "invalid_request"),
        ({"image_url": GOOD, "image_urls": [GOOD]}, "invalid_request"),
        ({"image_url": GOOD, "image_urls": []}, "invalid_request"),
        ({"image_url": [GOOD]}, "invalid_request"),
        ({"image_url": 7}, "invalid_request"),
        ({"image_urls": GOOD}, "invalid_request"),
        ({"image_urls": [GOOD, 7]}, "invalid_request"),
        ({"image_urls": [GOOD, None]}, "invalid_request"),
        ({"image_urls": {"0": GOOD}}, "invalid_request"),
        ({"image_url": GOOD, "imageurl": GOOD}, "invalid_request"),
        ({"image_url": GOOD, "preset": "no-such-preset"}, "unknown_preset"),
        ({"image_url": GOOD, "preset": ""}, "unknown_preset"),
        ({"image_url": GOOD, "preset": None}, "invalid_request"),
        ({"image_url": GOOD, "sku": ""}, "invalid_request"),
        ({"image_url": GOOD, "sku": 7}, "invalid_request"),
        ({"image_url": GOOD, "sku": "a\x00b"}, "invalid_request"),
        ({"image_url": GOOD, "metadata": []}, "invalid_request"),
        ({"image_url": GOOD, "metadata": "x"}, "invalid_request"),
        ({"image_url": GOOD, "callback_url": "shop"}, "invalid_url"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_leaves_nothing(
    api: Api, fields: dict[str, Any], code: str
) -> None:
    before = api.count()

    problem(api.post(**fields), 422, code)

    assert api.count() == before


def test_a_refusal_names_the_field(api: Api) -> None:
    answer = problem(api.post(image_url=GOOD, colour="red"), 422, "invalid_request")
    assert "colour" in answer["detail"]

    answer = problem(api.post(image_url=GOOD, preset="poster"), 422, "unknown_preset")
    assert "poster" in answer["detail"]
    assert "web" in answer["detail"]


@pytest.mark.parametrize(
    "body",
    [
        rb'{"image_url": "%s", "metadata": {"a": "x\u0000y"}}',
        rb'{"image_url": "%s", "metadata": {"x\u0000y": 1}}',
        rb'{"image_url": "%s", "metadata": {"a": ["\ud800"]}}',
        rb'{"image_url": "%s", "metadata": {"\udfff": 1}}',
        rb'{"image_url": "%s", "metadata": {"a": {"\udfff": 1}}}',
        rb'{"image_url": "%s", "metadata": {"a": 1e999}}',
        rb'{"image_url": "%s", "metadata": {"a": [-1e999]}}',
        rb'{"image_url": "%s", "sku": "\ud800"}',
        rb'{"image_url": "%s", "sku": "a\u0000"}',
        rb'{"image_url": "%s", "preset": "\ud800"}',
        rb'{"image_url": "%s", "callback_url": "\ud800"}',
        rb'{"image_url": "%s", "\ud800": 1}',
    ],
)
def test_what_postgresql_or_json_cannot_hold_is_refused(api: Api, body: bytes) -> None:
    before = api.count()
    response = api.send(body.replace(b"%s", GOOD.encode()))

    assert response.status_code == 422, response.text
    problem(response, 422, response.json()["code"])
    assert api.count() == before


def test_a_surrogate_in_the_url_is_an_invalid_url_or_request(api: Api) -> None:
    response = api.send(rb'{"image_url": "https://a.example/\ud800"}')

    assert response.status_code == 422
    assert response.json()["code"] in ("invalid_url", "invalid_request")


def test_metadata_comes_back_as_it_was_sent(api: Api) -> None:
    metadata = {
        "text": "Größe 42 👟",
        "escape": "\\u0000 is only text",
        "nested": {"list": [1, 2.5, None, True, {"a": []}]},
        "large": 12345678901234567890,
        "": "empty name",
    }
    accepted = api.accepted(image_url=GOOD, metadata=metadata)

    assert api.get(accepted["status_url"])["metadata"] == metadata


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_metadata_may_be_nested_32_levels_deep(api: Api, opening: bytes, closing: bytes) -> None:
    def send(levels: int) -> requests.Response:
        inner = opening * (levels - 1) + b"1" + closing * (levels - 1)
        return api.send(ONE[:-1] + b', "metadata": {"a": ' + inner + b"}}")

    deepest = send(32)
    assert deepest.status_code == 202
    assert api.call("GET", deepest.json()["status_url"]).status_code == 200
    for levels in (33, 260, 500, 900):
        problem(send(levels), 422, "invalid_request")


def test_a_sku_of_200_characters_is_accepted_and_one_more_is_not(api: Api) -> None:
    sku = "ü" * 200
    accepted = api.accepted(image_url=GOOD, sku=sku)
    assert api.get(accepted["status_url"])["sku"] == sku

    answer = problem(api.post(image_url=GOOD, sku=sku + "a"), 422, "invalid_request")
    assert "sku" in answer["detail"]


def test_a_product_is_named_by_its_id_or_its_sku(api: Api) -> None:
    sku = f"named-{uuid4()}"
    first = api.accepted(image_url=GOOD, sku=sku)
    by_id = api.accepted(image_url=GOOD, product_id=first["product_id"])
    by_both = api.accepted(image_url=GOOD, product_id=first["product_id"], sku=sku)

    assert by_id["product_id"] == by_both["product_id"] == first["product_id"]
    problem(
        api.post(image_url=GOOD, product_id=first["product_id"], sku="another"),
        422,
        "invalid_request",
    )
