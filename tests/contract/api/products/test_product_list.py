"""What callers find among products: by what they are, page by page."""

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
