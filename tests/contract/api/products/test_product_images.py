"""What callers do with single images of a product: reorder, describe, replace, delete."""

import hashlib
import io
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.stack.stack import Stack
from tests.contract.api.support.keyed import bearer, keyed_api
from tests.contract.api.support.running import Api, problem
from tests.contract.api.support.worker_part import fail, held
from tests.integration.database.fresh import execute

A, B, C, D = (f"https://supplier.example/{name}.jpg" for name in "abcd")


@pytest.fixture
def product(api: Api) -> Any:
    """A product of three images that wait."""
    images = [{"url": A, "alt": "From the front"}, B, C]
    response = api.call("POST", "/products", json={"images": images, "preset": "thumbnail"})
    assert response.status_code == 201, response.text
    return response.json()


def ids(product: Any) -> list[str]:
    assert [image["position"] for image in product["images"]] == list(range(len(product["images"])))
    return [image["id"] for image in product["images"]]


def test_images_are_shown_in_the_order_that_was_sent(api: Api, product: Any) -> None:
    path, wanted = f"/products/{product['id']}", ids(product)[::-1]

    response = api.call("PUT", f"{path}/images/order", json={"image_ids": wanted})

    assert response.status_code == 200, response.text
    assert ids(response.json()) == ids(api.get(path)) == wanted
    for wrong in (wanted[:2], [*wanted, wanted[0]], [*wanted[:2], str(uuid4())], []):
        refused = api.call("PUT", f"{path}/images/order", json={"image_ids": wrong})
        problem(refused, 422, "invalid_request")
    assert ids(api.get(path)) == wanted


def test_an_alternative_text_is_written_and_cleared(api: Api, product: Any) -> None:
    first = ids(product)[0]
    path = f"/products/{product['id']}/images/{first}"

    for alt in ('"Quoted" <b>', None):
        response = api.call("PATCH", path, json={"alt": alt})
        assert response.status_code == 200, response.text
        assert response.json()["images"][0]["alt"] == alt
    for wrong in ({"alt": "x" * 1001}, {"alt": "a\x00"}, {"position": 1}):
        problem(api.call("PATCH", path, json=wrong), 422, "invalid_request")


def test_a_focal_point_makes_anew_what_a_preset_crops_from_what_is_stored(
    api: Api, rows: Database, product: Any
) -> None:
    first, second, _ = ids(product)
    fail(rows, held(rows, product["job_id"]))
    sha256 = hashlib.sha256(first.encode()).hexdigest()
    execute(
        rows,
        f"""INSERT INTO originals (sha256, object_key, format, media_type, bytes)
            VALUES ('{sha256}', 'originals/{sha256}.jpg', 'jpeg', 'image/jpeg', 9)""",
        f"""UPDATE images SET state = 'ready', original_sha256 = '{sha256}', fingerprint = 'shown'
            WHERE id = '{first}'""",
    )
    version = api.call("GET", f"/products/{product['id']}").headers["ETag"]

    def focus(image: str, point: Any, status: int) -> Any:
        path = f"/products/{product['id']}/images/{image}"
        response = api.call("PATCH", path, json={"focus": point})
        assert response.status_code == status, response.text
        return response.json()

    changed = focus(first, {"x": 0.26, "y": 1}, 202)

    assert changed["images"][0]["focus"] == {"x": 0.25, "y": 1.0}
    assert changed["images"][0]["state"] == "ready"  # it shows what it has until then
    assert api.call("GET", f"/products/{product['id']}").headers["ETag"] != version
    mine = held(rows, changed["job_id"])
    assert (mine.from_stored, mine.quiet, mine.preset) == (True, True, "thumbnail")
    assert [(i.focus, i.stored_key is not None) for i in mine.images] == [((0.25, 1.0), True)]
    assert focus(first, {"x": 0.25, "y": 1}, 200)["job_id"] is None  # the same point
    assert focus(second, {"x": 0, "y": 0}, 200)["job_id"] is None  # nothing is made of it yet
    assert focus(first, None, 202)["images"][0]["focus"] is None
    for wrong in ({"x": 1.01, "y": 0}, {"x": 0.5}, {"x": "nan", "y": 0}, [0, 0]):
        focus_path = f"/products/{product['id']}/images/{first}"
        refused = api.call("PATCH", focus_path, json={"focus": wrong})
        problem(refused, 422, "invalid_request")


def test_a_deleted_image_is_gone_with_what_jobs_did_and_the_others_close_up(
    api: Api, product: Any
) -> None:
    first, second, third = ids(product)
    path = f"/products/{product['id']}"

    assert api.call("DELETE", f"{path}/images/{second}").status_code == 204

    assert ids(api.get(path)) == [first, third]
    job = api.get(f"/jobs/{product['job_id']}")
    assert [image["id"] for image in job["images"]] == [first, third]
    for image in (first, third):
        assert api.call("DELETE", f"{path}/images/{image}").status_code == 204
    assert api.get(path)["state"] == "empty"
    assert api.get(f"/jobs/{product['job_id']}")["state"] == "cancelled"
    problem(api.call("DELETE", f"{path}/images/{first}"), 404, "not_found")


def test_a_replaced_image_keeps_its_place_its_text_its_preset_and_what_it_shows(
    api: Api, rows: Database, product: Any
) -> None:
    first = ids(product)[0]
    fail(rows, held(rows, product["job_id"]))
    execute(
        rows,
        f"UPDATE images SET state = 'ready', fingerprint = 'shown' WHERE id = '{first}'",
        f"""INSERT INTO source_validators (image_id, original_sha256, url, etag)
            VALUES ('{first}', '{"a" * 64}', '{A}', '"1"')""",
    )

    response = api.call(
        "PUT", f"/products/{product['id']}/images/{first}/source", json={"image_url": D}
    )

    assert response.status_code == 202, response.text
    replaced = response.json()
    image = replaced["images"][0]
    assert (image["id"], image["source_url"], image["alt"]) == (first, D, "From the front")
    assert image["state"] == "queued"
    mine = held(rows, replaced["job_id"])
    assert mine.preset == "thumbnail"
    assert [(each.source_url, each.current_fingerprint) for each in mine.images] == [(D, "shown")]
    with rows.transaction() as session:
        kept = "SELECT count(*) FROM source_validators WHERE image_id = %s"
        assert session.connection().exec_driver_sql(kept, (first,)).scalar_one() == 0


def test_an_image_is_replaced_by_a_file(api: Api, rows: Database, product: Any) -> None:
    second = ids(product)[1]
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), "#7d3c13").save(picture, "PNG")

    response = api.call(
        "PUT",
        f"/products/{product['id']}/images/{second}/source",
        files={"file": ("b.png", picture.getvalue(), "image/png")},
        data={"preset": "web"},
    )

    assert response.status_code == 202, response.text
    replaced = response.json()
    assert ids(replaced) == ids(product)
    assert replaced["images"][1]["source_url"].startswith("upload:")
    mine = held(rows, replaced["job_id"])
    assert (mine.preset, len(mine.images), mine.images[0].stored_key is not None) == (
        "web",
        1,
        True,
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "invalid_request"),
        ({"image_url": "ftp://supplier.example/a.jpg"}, "invalid_url"),
        ({"image_url": "http://127.0.0.1/a.jpg"}, "blocked_address"),
        ({"image_url": B}, "invalid_url"),
        ({"image_url": D, "preset": "huge"}, "unknown_preset"),
        ({"image_url": D, "sku": "other"}, "invalid_request"),
        ({"image_urls": [D, D]}, "invalid_request"),
    ],
)
def test_a_source_that_cannot_be_replaces_nothing(
    api: Api, product: Any, fields: dict[str, Any], code: str
) -> None:
    path = f"/products/{product['id']}"

    response = api.call("PUT", f"{path}/images/{ids(product)[0]}/source", json=fields)

    problem(response, 422, code)
    assert [image["source_url"] for image in api.get(path)["images"]] == [A, B, C]


def test_an_image_of_another_product_is_not_found(api: Api, product: Any) -> None:
    other = api.call("POST", "/products", json={"images": [D]}).json()
    path = f"/products/{other['id']}/images/{ids(product)[0]}"

    problem(api.call("PATCH", path, json={"alt": "x"}), 404, "not_found")
    problem(api.call("PUT", f"{path}/source", json={"image_url": D}), 404, "not_found")
    problem(api.call("DELETE", path), 404, "not_found")
    assert len(api.get(f"/products/{product['id']}")["images"]) == 3


def test_a_key_that_reads_changes_no_image(stack: Stack) -> None:
    with keyed_api(stack) as serving:
        reader = bearer(serving.issue(Scope.READ))
        path = f"/products/{uuid4()}/images"
        for method, where in (
            ("PUT", f"{path}/order"),
            ("PATCH", f"{path}/{uuid4()}"),
            ("PUT", f"{path}/{uuid4()}/source"),
            ("DELETE", f"{path}/{uuid4()}"),
        ):
            problem(serving.api.call(method, where, json={}, headers=reader), 403, "forbidden")
