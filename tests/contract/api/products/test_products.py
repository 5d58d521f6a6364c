"""What callers do with products: create, show, change, delete, and set the images."""

from typing import Any
from uuid import uuid4

import pytest

from infra.contract.states import ImageState
from infra.db.engine import Database
from tests.contract.api.support.running import Api, problem
from tests.integration.database.fresh import execute

A, B, C = (f"https://supplier.example/{name}.jpg" for name in "abc")


@pytest.fixture
def sku() -> str:
    """A name that no other product has."""
    return f"product-{uuid4()}"


def created(api: Api, **members: Any) -> Any:
    response = api.call("POST", "/products", json=members)
    assert response.status_code == 201, response.text
    body = response.json()
    assert response.headers["Location"] == f"/products/{body['id']}"
    return body


def put(api: Api, product_id: str, *images: Any, status: int) -> Any:
    response = api.call("PUT", f"/products/{product_id}/images", json={"images": images})
    assert response.status_code == status, response.text
    return response.json()


def sources(product: Any) -> list[str]:
    assert [image["position"] for image in product["images"]] == list(range(len(product["images"])))
    return [image["source_url"] for image in product["images"]]


def test_a_new_product_shows_what_was_sent_and_a_job_makes_its_images(api: Api, sku: str) -> None:
    product = created(
        api,
        sku=sku,
        name="Schuh",
        description="Läuft.",
        price="79.90",
        currency="EUR",
        owner_id="shop-1",
        images=[{"url": A, "alt": "Von vorn"}, B, A],
    )

    told = {name: product[name] for name in ("name", "description", "price", "currency")}
    assert told == {"name": "Schuh", "description": "Läuft.", "price": "79.90", "currency": "EUR"}
    assert (product["sku"], product["owner_id"], product["state"]) == (sku, "shop-1", "processing")
    assert sources(product) == [A, B]
    assert [image["alt"] for image in product["images"]] == ["Von vorn", None]
    job = api.get(f"/jobs/{product['job_id']}")
    assert [image["source_url"] for image in job["images"]] == [A, B]
    assert job["product_id"] == product["id"]


def test_a_product_without_images_has_no_job_and_is_empty(api: Api, sku: str) -> None:
    product = created(api, sku=sku)

    assert (product["job_id"], product["images"], product["state"]) == (None, [], "empty")


def test_a_taken_sku_is_refused_when_creating_and_when_changing(api: Api, sku: str) -> None:
    created(api, sku=sku)
    other = created(api, name="without")

    problem(api.call("POST", "/products", json={"sku": sku, "images": [A]}), 409, "sku_taken")
    changing = api.call("PATCH", f"/products/{other['id']}", json={"sku": sku, "name": "new"})
    problem(changing, 409, "sku_taken")
    assert api.get(f"/products/{other['id']}")["name"] == "without"


@pytest.mark.parametrize(
    "members",
    [
        {"price": "1"},
        {"currency": "EUR"},
        {"price": "-1", "currency": "EUR"},
        {"price": "1.23456", "currency": "EUR"},
        {"price": "NaN", "currency": "EUR"},
        {"price": "1e15", "currency": "EUR"},
        {"price": "1_000", "currency": "EUR"},
        {"price": "1,234", "currency": "EUR"},
        {"sku": " \t"},
        {"price": "1", "currency": "eur"},
        {"price": "1", "currency": "XYZ"},
        {"sku": ""},
        {"sku": "x" * 201},
        {"name": "a\x00b"},
        {"colour": "red"},
        {"images": [{"url": A, "alt": "x" * 1001}]},
        {"images": [7]},
    ],
)
def test_a_product_that_cannot_be_is_refused(api: Api, members: dict[str, Any]) -> None:
    problem(api.call("POST", "/products", json=members), 422, "invalid_request")


def test_an_image_that_is_no_url_is_named_by_its_index(api: Api) -> None:
    body = problem(
        api.call("POST", "/products", json={"images": [A, "ftp://x/"]}), 422, "invalid_url"
    )

    assert "URL 1" in body["detail"]


def test_a_body_that_is_not_json_is_refused(api: Api) -> None:
    form = {"files": {"name": (None, "shoe")}}
    problem(api.call("POST", "/products", **form), 415, "unsupported_media_type")
    problem(api.call("POST", "/products", data=b"{"), 400, "malformed_json")


def test_a_patch_changes_what_is_sent_and_null_clears(api: Api, sku: str) -> None:
    product = created(api, sku=sku, name="old", price=5, currency="JPY", description="kept")

    response = api.call("PATCH", f"/products/{product['id']}", json={"name": "new", "sku": None})

    changed = response.json()
    assert response.status_code == 200
    assert (changed["name"], changed["sku"], changed["description"]) == ("new", None, "kept")
    assert (changed["price"], changed["currency"]) == ("5", "JPY")
    assert changed["updated_at"] > product["updated_at"]
    assert api.get(f"/products/{product['id']}") == changed


def test_a_patch_may_not_leave_half_a_price(api: Api) -> None:
    product = created(api, price="5", currency="JPY")
    path = f"/products/{product['id']}"

    problem(api.call("PATCH", path, json={"currency": None}), 422, "invalid_request")
    both = api.call("PATCH", path, json={"price": None, "currency": None})

    assert (both.status_code, both.json()["price"]) == (200, None)


def test_a_patch_that_changes_nothing_leaves_the_version(api: Api) -> None:
    product = created(api, name="same")

    again = api.call("PATCH", f"/products/{product['id']}", json={"name": "same"}).json()

    assert again["updated_at"] == product["updated_at"]


def test_setting_the_images_adds_keeps_reorders_and_removes(api: Api) -> None:
    product = created(api, images=[{"url": A, "alt": "one"}, {"url": B, "alt": "two"}])
    kept = product["images"][1]

    changed = put(api, product["id"], C, B, status=202)

    assert sources(changed) == [C, B]
    assert changed["images"][1]["id"] == kept["id"]
    assert changed["images"][1]["alt"] == "two"
    job = api.get(f"/jobs/{changed['job_id']}")
    assert [image["source_url"] for image in job["images"]] == [C]
    assert api.get(f"/products/{product['id']}")["images"] == changed["images"]


def test_setting_the_same_images_needs_no_job_and_takes_the_new_texts(api: Api) -> None:
    product = created(api, images=[{"url": A, "alt": "one"}, {"url": B, "alt": "two"}])

    changed = put(api, product["id"], {"url": A, "alt": None}, {"url": B}, status=200)

    assert changed["job_id"] is None
    assert [image["alt"] for image in changed["images"]] == [None, "two"]


def test_removing_all_images_cancels_the_job_that_has_none_left(api: Api) -> None:
    product = created(api, images=[A, B])

    emptied = put(api, product["id"], status=200)

    assert (emptied["images"], emptied["state"]) == ([], "empty")
    assert api.get(f"/jobs/{product['job_id']}")["state"] == "cancelled"


def test_an_uploaded_image_is_kept_by_its_source_and_an_unknown_one_refused(
    api: Api, rows: Database
) -> None:
    product = created(api, images=[A])
    uploaded = f"upload:{'ab' * 32}"
    execute(
        rows, f"UPDATE images SET source_url = '{uploaded}' WHERE product_id = '{product['id']}'"
    )

    changed = put(api, product["id"], B, uploaded, status=202)

    assert sources(changed) == [B, uploaded]
    unknown = {"images": [f"upload:{'cd' * 32}"]}
    path = f"/products/{product['id']}/images"
    problem(api.call("PUT", path, json=unknown), 422, "invalid_url")
    problem(api.call("POST", "/products", json=unknown), 422, "invalid_url")


def test_a_deleted_product_is_gone_with_its_jobs(api: Api, sku: str) -> None:
    product = created(api, sku=sku, images=[A])
    path = f"/products/{product['id']}"
    api.get(path)  # into the cache

    assert api.call("DELETE", path).status_code == 204

    problem(api.call("GET", path), 404, "not_found")
    problem(api.call("GET", f"/jobs/{product['job_id']}"), 404, "not_found")
    for method, target in (("DELETE", path), ("PATCH", path), ("PUT", f"{path}/images")):
        body: dict[str, Any] = {"images": []} if method == "PUT" else {}
        problem(api.call(method, target, json=body), 404, "not_found")
    assert created(api, sku=sku)["id"] != product["id"]


def test_the_second_read_comes_from_the_cache_and_is_the_same(api: Api) -> None:
    product = created(api, name="read twice", images=[A])

    first, second = (api.call("GET", f"/products/{product['id']}") for _ in range(2))

    assert [r.headers["X-Cache"] for r in (first, second)] == ["MISS", "HIT"]
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]
    assert first.headers["Content-Type"] == second.headers["Content-Type"] == "application/json"


def test_a_known_version_is_not_sent_again_until_something_changes(
    api: Api, rows: Database
) -> None:
    product = created(api, images=[A])
    path = f"/products/{product['id']}"
    tag = api.call("GET", path).headers["ETag"]

    for known in (tag, f'"other", W/{tag}', "*"):
        same = api.call("GET", path, headers={"If-None-Match": known})
        assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    state = ImageState.READY
    execute(rows, f"UPDATE images SET state = '{state}' WHERE product_id = '{product['id']}'")
    changed = api.call("GET", path, headers={"If-None-Match": tag})

    assert (changed.status_code, changed.json()["state"]) == (200, "ready")
    assert changed.headers["ETag"] != tag
    assert changed.json()["updated_at"] > product["updated_at"]
