"""What callers find among products: by what they are, page by page."""

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from infra.db.engine import Database
from tests.contract.api.support.running import Api, problem
from tests.integration.database.fresh import execute

A, B = (f"https://supplier.example/{name}.jpg" for name in "ab")


@pytest.fixture
def owner() -> str:
    """Somebody whose products are the test's own."""
    return f"owner-{uuid4()}"


def create(api: Api, owner: str, **members: Any) -> str:
    response = api.call("POST", "/products", json={"owner_id": owner, **members})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def found(api: Api, owner: str, **query: Any) -> list[str]:
    page = api.get("/products", owner_id=owner, **query)
    return [product["id"] for product in page["products"]]


def test_products_are_found_by_what_they_are(api: Api, owner: str) -> None:
    cheap = create(api, owner, name="Red shoe 100%", price="9.99", currency="EUR", sku=owner)
    dear = create(api, owner, name="Blue SHOE", price="100", currency="USD")
    bare = create(api, owner)

    assert found(api, owner) == [bare, dear, cheap]
    assert found(api, owner, sku=owner) == [cheap]
    assert found(api, owner, name="shoe") == [dear, cheap]
    assert found(api, owner, name="100%") == [cheap]
    assert found(api, owner, name="R%d") == []
    assert found(api, owner, price_min="9.99", price_max=50) == [cheap]
    assert found(api, owner, price_min=10) == [dear]
    assert found(api, owner, currency="USD") == [dear]


def test_a_state_finds_the_products_that_show_it(api: Api, owner: str, rows: Database) -> None:
    states = {
        "empty": (),
        "processing": ("ready", "queued"),
        "ready": ("ready", "ready"),
        "partial": ("failed", "ready"),
        "failed": ("failed", "failed"),
    }
    ids = {}
    for state, images in states.items():
        ids[state] = create(api, owner, images=[A, B][: len(images)])
        for position, image in enumerate(images):
            where = f"product_id = '{ids[state]}' AND position = {position}"
            execute(rows, f"UPDATE images SET state = '{image}' WHERE {where}")

    for state, product_id in ids.items():
        assert found(api, owner, state=state) == [product_id], state
        assert api.get(f"/products/{product_id}")["state"] == state
    listed = api.get("/products", owner_id=owner)["products"]
    assert {product["id"]: product["state"] for product in listed} == {
        product_id: state for state, product_id in ids.items()
    }


def test_a_product_is_empty_until_it_has_an_image_and_after_its_last(api: Api, owner: str) -> None:
    product_id = create(api, owner)
    assert found(api, owner, state="empty") == [product_id]

    for images, is_empty in (([A, B], False), ([B], False), ([], True), ([A], False)):
        response = api.call("PUT", f"/products/{product_id}/images", json={"images": images})
        assert response.status_code in (200, 202), response.text
        assert found(api, owner, state="empty") == [product_id] * is_empty, images


def test_conditions_on_an_image_hold_for_one_and_the_same(
    api: Api, owner: str, rows: Database
) -> None:
    other_host = A.replace("supplier", "Other-supplier")
    both = create(api, owner, images=[A, other_host], sku=f"{owner}-1")
    one = create(api, owner, images=[A], sku=f"{owner}-2")
    create(api, owner, sku=f"other-{owner}")
    for product_id, position, made in (
        (both, 0, "state = 'failed', error_code = 'http_404', fingerprint = 'list-new'"),
        (both, 1, "state = 'ready', fingerprint = 'list-old'"),
        (one, 0, "state = 'ready', fingerprint = 'list-new', error_code = NULL"),
    ):
        where = f"product_id = '{product_id}' AND position = {position}"
        execute(rows, f"UPDATE images SET {made} WHERE {where}")
    execute(
        rows,
        """INSERT INTO policies (fingerprint, preset, revision, pipeline) VALUES
           ('list-old', 'listed', 'r1', 1), ('list-new', 'listed', 'r2', 1)""",
        """INSERT INTO preset_targets (preset, revision, fingerprint, set_at)
           VALUES ('listed', 'r2', 'list-new', now())""",
    )
    scope = {"sku_prefix": owner}
    assert found(api, owner, **scope, host="supplier.example") == [one, both]
    assert found(api, owner, **scope, host="OTHER-supplier.example") == [both]
    assert found(api, owner, **scope, host="other-supplier.example", stale=True) == [both]
    assert found(api, owner, **scope, host="supplier.example", stale=True) == []
    assert found(api, owner, **scope, error_code="http_404", host="supplier.example") == [both]
    assert found(api, owner, **scope, error_code="http_404", state="partial") == [both]
    assert found(api, owner, **scope, preset="listed") == [one, both]
    assert found(api, owner, **scope, preset="listed", state="ready") == [one]
    assert found(api, owner, **scope, preset="listed", state="empty") == []
    assert found(api, owner, **scope, preset="unheard-of") == []
    assert found(api, owner, **scope, preset="listed", limit=1) == [one]
    assert {p["id"] for p in api.get("/products", preset="listed")["products"]} == {one, both}
    (stale,) = api.get("/products", preset="listed", stale=True)["products"]
    assert stale["id"] == both
    first = api.get("/products", preset="listed", limit=1)
    assert [p["id"] for p in api.get(first["next"])["products"]] == [both]


def test_a_product_in_a_list_shows_what_a_gallery_needs(
    api: Api, owner: str, rows: Database
) -> None:
    bare = create(api, owner)
    made = create(api, owner, images=[A, {"url": B, "alt": "From behind"}])
    sha256 = hashlib.sha256(owner.encode()).hexdigest()
    execute(
        rows,
        f"""INSERT INTO originals (sha256, object_key, format, media_type, bytes)
            VALUES ('{sha256}', 'originals/{sha256}.jpg', 'jpeg', 'image/jpeg', 9)""",
        f"""INSERT INTO previews VALUES ('{sha256}', 'shown', '#102030', 'dBgO', 'e4')""",
        *(
            f"""INSERT INTO variants (id, original_sha256, fingerprint, name, object_key, format,
                width, height, bytes, sha256) VALUES (gen_random_uuid(), '{sha256}', 'shown',
                'w{width}-{kind}', 'variants/w{width}.{kind}', '{kind}', {width}, {width}, {size},
                '{sha256}')"""
            for width, kind, size in (
                *((200, "webp", 5), (400, "avif", 4)),
                *((400, "webp", 9), (400, "jpeg", 12), (800, "webp", 30)),
            )
        ),
        f"UPDATE images SET state = 'failed' WHERE product_id = '{made}' AND position = 0",
        f"""UPDATE images SET state = 'ready', original_sha256 = '{sha256}', fingerprint = 'shown'
            WHERE product_id = '{made}' AND position = 1""",
    )

    listed = {p["id"]: p for p in api.get("/products", owner_id=owner)["products"]}

    assert listed[bare]["thumbnail"] is None
    assert listed[bare]["image_counts"]["total"] == 0
    counts = {"total": 2, "queued": 0, "processing": 0, "ready": 1, "failed": 1}
    assert listed[made]["image_counts"] == counts
    assert listed[made]["thumbnail"] == {
        "url": "http://assets.example/images/variants/w400.webp",
        "format": "webp",
        "width": 400,
        "height": 400,
        "alt": "From behind",
        "dominant_colour": "#102030",
        "thumbhash": "dBgO",
    }


def test_what_changed_since_a_moment_is_found_also_by_its_images(
    api: Api, owner: str, rows: Database
) -> None:
    first, second = create(api, owner, images=[A]), create(api, owner)
    moment = api.get(f"/products/{second}")["updated_at"]
    assert found(api, owner, updated_since=moment) == [second]

    execute(rows, f"UPDATE images SET state = 'ready' WHERE product_id = '{first}'")

    assert found(api, owner, updated_since=moment) == [second, first]


def test_pages_lead_to_older_and_back_to_newer_products(api: Api, owner: str) -> None:
    ids = [create(api, owner) for _ in range(5)][::-1]

    first = api.get("/products", owner_id=owner, limit=2)
    second = api.get(first["next"])
    third = api.get(second["next"])
    back = api.get(third["previous"])

    pages = [[product["id"] for product in page["products"]] for page in (first, second, third)]
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    assert (first["previous"], third["next"]) == (None, None)
    assert back["products"] == second["products"]
    assert api.get(back["previous"])["products"] == first["products"]
    assert api.get(back["next"])["products"] == third["products"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"state": "done"}, 422),
        ({"price_min": "cheap"}, 422),
        ({"price_min": "nan"}, 422),
        ({"limit": 0}, 422),
        ({"name": "a\x00"}, 422),
        ({"updated_since": "yesterday"}, 422),
        ({"before": str(uuid4()), "after": str(uuid4())}, 422),
        ({"before": "x"}, 404),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    api: Api, query: dict[str, Any], status: int
) -> None:
    code = "not_found" if status == 404 else "invalid_request"
    problem(api.call("GET", "/products", params=query), status, code)
