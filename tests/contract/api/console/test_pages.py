"""What the pages show and do: imports, batches, jobs and products, whatever is in their names."""

import pytest

from tests.contract.api.support.browsing import Browser, Page
from tests.contract.api.support.running import Api

HOSTILE = '</title><script>alert(1)</script>" onload="alert(2) \'{{ 7*7 }}'
GOOD = b"sku,image_urls\nA-1,https://supplier.example/a.jpg\nA-2,https://supplier.example/b.jpg\n"
BAD = GOOD + b"A-3,ftp://supplier.example/c.jpg\n,https://supplier.example/d.jpg\n"


@pytest.fixture(scope="module")
def browser(api: Api) -> Browser:
    return Browser(api.url)


def test_a_file_is_checked_before_anything_is_stored(api: Api, browser: Browser) -> None:
    before = len(api.get("/batches")["batches"])
    checked = browser.send("/console/imports/check", "/console/imports", file=("a.csv", BAD))
    page = Page(checked.text)
    assert "2 of 4 rows are wrong" in page.text
    assert "ftp" in page.text
    assert "invalid_url" in page.text
    assert len(api.get("/batches")["batches"]) == before

    refused = browser.send("/console/imports/start", "/console/imports", file=("a.csv", BAD))
    assert refused.status_code == 422
    assert "<code>invalid_rows</code>" in refused.text
    assert "invalid_url" in refused.text


def test_a_check_by_script_is_a_piece_of_the_page(browser: Browser) -> None:
    hidden = browser.page("/console/imports").fields
    for content, status, told in (
        (GOOD, 200, "All 2 rows"),
        (b"what,is\n1,2\n", 422, "bad_header"),
    ):
        answer = browser.ask(
            "POST",
            "/console/imports/check",
            data=hidden,
            files={"file": ("a.csv", content)},
            headers={"HX-Request": "true"},
        )
        assert answer.status_code == status
        assert told in answer.text
        assert "<html" not in answer.text


def test_a_form_that_is_sent_twice_imports_once_and_the_page_follows(
    api: Api, browser: Browser
) -> None:
    hidden = browser.page("/console/imports").fields
    fields = {**hidden, "name": HOSTILE}
    addresses = {
        browser.ask(
            "POST", "/console/imports/start", data=fields, files={"file": ("a.csv", GOOD)}
        ).headers["Location"]
        for _ in range(2)
    }
    (address,) = addresses
    batch = address.removeprefix("/console").partition("?")[0]
    page = browser.page(address)
    assert "The file is imported." in page.text
    assert HOSTILE in page.text
    assert "alert" not in "".join(page.tags)
    assert HOSTILE in browser.page("/console/batches").text
    assert "0 of 2 jobs ended" in browser.streamed(f"/console{batch}/live", "jobs ended")

    cancelled = browser.send(f"/console{batch}/cancel", address)
    assert cancelled.headers["Location"].endswith("?done=batch-cancelled")
    assert api.get(batch)["cancel_requested"] is True
    report = browser.ask("GET", f"/console{batch}/report.csv")
    assert report.headers["Content-Type"].startswith("text/csv")


def test_the_address_puts_no_text_on_a_page(browser: Browser) -> None:
    page = browser.page(f"/console?done={HOSTILE}")
    assert "alert" not in page.text


def test_no_file_and_no_batch_are_told_in_a_sentence(browser: Browser) -> None:
    answer = browser.send("/console/imports/check", "/console/imports")
    assert (answer.status_code, Page(answer.text).code) == (422, "invalid_request")
    assert "Choose a file first" in answer.text
    page = browser.page("/console/batches/x", 404)
    assert (page.code, "There is no batch" in page.text) == ("not_found", True)


def test_hostile_texts_of_a_product_and_its_job_stay_text(api: Api, browser: Browser) -> None:
    url = "https://supplier.example/a.jpg?%22%3E%3Cscript%3E'"
    made = api.call(
        "POST",
        "/products",
        json={
            "sku": "<script>alert(1)</script>",
            "name": HOSTILE,
            "description": HOSTILE,
            "images": [{"url": url, "alt": HOSTILE}],
            "metadata": {HOSTILE: HOSTILE},
        },
    ).json()
    plain = api.call(
        "POST",
        "/products",
        json={
            "sku": "B-1",
            "name": "n",
            "description": "d",
            "images": [{"url": url, "alt": "a"}],
            "metadata": {"m": "m"},
        },
    ).json()
    for kind, name in (("products", "id"), ("jobs", "job_id")):
        hostile = browser.page(f"/console/{kind}/{made[name]}")
        assert hostile.tags == browser.page(f"/console/{kind}/{plain[name]}").tags
        assert "<script>alert(1)</script>" in hostile.text
