"""The gallery, a product's images, failures, suppliers, presets and settings, without scripts."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.contract.scopes import Scope
from infra.db.engine import Database
from infra.stack.stack import Stack
from tasks.imaging.presets.catalogue import packaged_presets
from tasks.keys.form import parse_key
from tasks.reprocess.targets import publish_targets
from tests.contract.api.support.browsing import Browser, Page, signed_in
from tests.contract.api.support.keyed import Keyed, keyed_api
from tests.contract.api.support.running import Api
from tests.contract.api.support.worker_part import fail, held
from tests.pictures import photo
from tests.waiting import eventually

SOURCES = ("https://supplier.example/a.jpg?sig=1", "https://supplier.example/b.jpg")


@pytest.fixture(scope="module")
def keyed(stack: Stack) -> Iterator[Keyed]:
    with keyed_api(stack) as serving:
        serving.issue(Scope.ADMIN)
        yield serving


@pytest.fixture(scope="module")
def browser(api: Api) -> Browser:
    return Browser(api.url)


@pytest.fixture
def product(api: Api) -> dict[str, object]:
    made = api.call("POST", "/products", json={"name": "Lamp", "images": list(SOURCES)})
    assert made.status_code == 201, made.text
    shown: dict[str, object] = made.json()
    return shown


def images(api: Api, product: dict[str, object]) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = api.get(f"/products/{product['id']}")["images"]
    return shown


def test_the_gallery_filters_and_says_when_nothing_matches(
    browser: Browser, product: dict[str, object]
) -> None:
    address = f"/console/products/{product['id']}"
    page = browser.page("/console/products?state=&name=amp&stale=")  # as a form without scripts
    assert ("href", address) in page.attributes
    assert "Lamp" in page.text
    assert "No product matches" in browser.page("/console/products?name=nothing+like+it").text
    assert browser.page("/console/products?state=odd", 422).code == "invalid_request"


def test_images_change_places_and_texts_and_go(
    api: Api, browser: Browser, product: dict[str, object]
) -> None:
    here = f"/console/products/{product['id']}"
    first, second = (str(image["id"]) for image in images(api, product))

    browser.send(f"{here}/order", here, image_id=[first, second], later=first)
    assert [image["id"] for image in images(api, product)] == [second, first]
    browser.send(f"{here}/images/{first}/alt", here, alt="  A lamp ")
    assert images(api, product)[1]["alt"] == "A lamp"
    browser.send(f"{here}/images/{first}/alt", here, alt="")
    assert images(api, product)[1]["alt"] is None
    browser.send(f"{here}/images/{first}/focus", here, x="30", y="70")
    assert images(api, product)[1]["focus"] == {"x": 0.3, "y": 0.7}
    assert browser.send(f"{here}/images/{first}/focus", here, x="left").status_code == 422
    browser.send(f"{here}/images/{first}/focus", here, x="", y="")
    assert images(api, product)[1]["focus"] is None
    other = "https://supplier.example/c.jpg"
    browser.send(f"{here}/images/{first}/source", here, image_url=other)
    assert images(api, product)[1]["source_url"] == other
    replaced = images(api, product)[1]["id"]
    file = ("c.jpg", photo(80, 60, seed=7))
    browser.send(f"{here}/images/{replaced}/source", here, file=file)
    assert str(images(api, product)[1]["source_url"]).startswith("upload:")

    gone = images(api, product)[1]["id"]
    browser.send(f"{here}/images/{gone}/delete", here)
    assert len(images(api, product)) == 1
    browser.send(f"{here}/delete", here)
    assert browser.page(here, 404).code == "not_found"


def test_the_original_is_what_was_sent_and_only_that_of_this_product(
    api: Api, browser: Browser
) -> None:
    content = photo(80, 60, seed=11)
    posted = api.call("POST", "/process-image", files={"file": ("a.jpg", content)}).json()
    image = api.get(f"/products/{posted['product_id']}")["images"][0]["id"]
    path = f"/products/{posted['product_id']}/images/{image}/original"
    assert api.call("GET", path).status_code == 404  # no job has shown it to be an image yet
    other = f"/products/01900000-0000-7000-8000-000000000000/images/{image}/original"
    assert api.call("GET", other).status_code == 404
    assert browser.ask("GET", f"/console{path}").status_code == 404


def test_a_group_of_failures_is_told_in_a_sentence_and_retried(
    api: Api, browser: Browser, rows: Database
) -> None:
    publish_targets(rows, packaged_presets())
    host = f"{uuid4().hex}.example"
    job = api.accepted(image_urls=[f"https://{host}/{n}.jpg" for n in range(2)])
    fail(rows, held(rows, job["job_id"]))

    def told() -> bool:  # a reading is shared for a moment
        return f"2 images of {host}" in browser.page("/console/failures").text

    eventually(told, "the failures are counted")
    assert "It is gone." in browser.page("/console/failures").text
    form = ("/console/failures/retry", "/console/failures")
    started = browser.send(*form, code="http_404", host=host)
    address = started.headers["Location"]
    assert address.startswith("/console/batches/"), started.text
    assert "asked for and made again" in browser.page(address).text


def test_presets_are_listed_and_tried_without_storing(api: Api, browser: Browser) -> None:
    page = browser.page("/console/presets")
    assert "marketplace" in page.text
    before = api.count()
    file = ("a.jpg", photo(300, 200, seed=3))
    tried = browser.send("/console/presets/try", "/console/presets", file=file, preset="thumbnail")
    shown = Page(tried.text)
    assert tried.status_code == 200, tried.text
    assert "thumbnail" in shown.text
    assert any(value.startswith("data:image/") for _, value in shown.attributes)
    bad = ("a.jpg", b"no image")
    told = browser.send("/console/presets/try", "/console/presets", file=bad, preset="web")
    assert 'class="reason"' in told.text
    assert browser.send("/console/presets/try", "/console/presets").status_code == 422
    assert api.count() == before


def test_an_operator_makes_and_revokes_keys_and_each_is_shown_once(keyed: Keyed) -> None:
    operator = signed_in(keyed, Scope.ADMIN)
    made = operator.send("/console/settings/keys", "/console/settings", name="Ann", scope="read")
    found = re.search(r"pi_\w+", made.text)
    assert found is not None, made.text
    text, key = found[0], parse_key(found[0])
    assert key is not None
    assert Browser(keyed.api.url).sign_in(text).status_code == 303
    settings = operator.page("/console/settings")
    assert "Ann" in settings.text
    assert text not in settings.text

    operator.send(f"/console/settings/keys/{key.id}/revoke", "/console/settings")
    assert "revoked" in operator.page("/console/settings").text
    wrong = operator.send("/console/settings/keys", "/console/settings", name="", scope="read")
    assert (wrong.status_code, Page(wrong.text).code) == (422, "invalid_request")


def test_an_operator_registers_switches_and_deletes_an_endpoint(keyed: Keyed) -> None:
    operator = signed_in(keyed, Scope.ADMIN)
    made = operator.send(
        "/console/settings/webhooks",
        "/console/settings",
        url="https://shop.example/hooks",
        event=["job.finished"],
    )
    assert "whsec_" in made.text
    page = operator.page("/console/settings")
    (address,) = (v for n, v in page.attributes if n == "href" and "/webhooks/" in v)
    assert "No message was sent" in operator.page(address).text
    operator.send(f"{address}/switch", address, enabled="false")
    assert "disabled on request" in operator.page(address).text
    operator.send(f"{address}/delete", address)
    assert operator.page(address, 404).code == "not_found"


def test_what_concerns_all_is_for_operators(keyed: Keyed) -> None:
    for scope in (Scope.READ, Scope.WRITE):
        browser = signed_in(keyed, scope)
        shown = {value for name, value in browser.page("/console").attributes if name == "href"}
        for path in ("/console/suppliers", "/console/settings"):
            assert browser.page(path, 403).code == "forbidden"
            assert path not in shown
        assert {"/console/products", "/console/failures", "/console/presets"} <= shown
    operator = signed_in(keyed, Scope.ADMIN)
    assert "in the last seven days" in operator.page("/console/suppliers").text


def test_a_reader_sees_no_button_on_a_product_and_no_query_of_a_source(keyed: Keyed) -> None:
    admin = keyed.issue(Scope.ADMIN)
    headers = {"X-API-Key": admin.text}
    body = {"sku": "R-1", "images": list(SOURCES)}
    made = keyed.api.call("POST", "/products", json=body, headers=headers).json()
    reader = signed_in(keyed, Scope.READ)
    for path in (f"products/{made['id']}", f"jobs/{made['job_id']}", "failures", "presets"):
        page = reader.page(f"/console/{path}")
        assert page.forms == {"/console/sign-out"}
        assert "sig=1" not in page.text
    answer = reader.send(f"/console/products/{made['id']}/delete", "/console")
    assert (answer.status_code, Page(answer.text).code) == (403, "forbidden")
