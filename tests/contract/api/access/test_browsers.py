"""What browsers are told: with every answer, and about pages of other origins."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.resources import ApiConfiguration
from api.routes import jobs
from tests.browser import rendered
from tests.contract.api.support.running import Api, changed, problem, running_api

SHOP, STRANGER = "https://shop.example", "https://stranger.example"
UNKNOWN = "/jobs/01900000-0000-7000-8000-000000000000"
BODY = {"image_url": "https://supplier.example/a.jpg"}


@pytest.fixture(scope="module")
def shared(configured: ApiConfiguration) -> Iterator[Api]:
    with running_api(changed(configured, api={"cors_origins": (SHOP,)})) as serving:
        yield serving


def test_every_answer_forbids_guessing_frames_and_referrers(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr(jobs, "read_job", fail)
    for path, expected in (("/jobs", 200), ("/healthz", 200), ("/nowhere", 404), (UNKNOWN, 500)):
        # A surprise costs the connection, which others must not meet.
        response = api.call("GET", path, headers={"Connection": "close"})

        assert response.status_code == expected
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy


class Addresses(HTMLParser):
    """Collects what a page loads or leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def addresses(text: str) -> list[str]:
    parser = Addresses()
    parser.feed(text)
    return parser.found


def test_the_page_of_documentation_needs_no_other_host(api: Api) -> None:
    response = api.call("GET", "/docs")

    policy = response.headers["Content-Security-Policy"]
    assert "http" not in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script>" not in response.text
    loaded = addresses(response.text)
    assert len(loaded) == 4
    for address in loaded:
        assert not urlsplit(address).netloc
        answer = api.call("GET", f"/{address}")
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if address.endswith(".css"):
            assert set(re.findall(r"url\(['\"]?(\w+:|/)", answer.text)) <= {"data:"}
    problem(api.call("GET", "/docs/__init__.py"), 404, "not_found")


def test_the_page_of_documentation_shows_the_api_in_a_browser(api: Api, tmp_path: Path) -> None:
    shown = rendered(f"{api.url}/docs", tmp_path)

    assert "/process-image" in shown
    assert "opblock-post" in shown  # an operation, drawn by the script


def test_the_root_leads_on_programs_and_people(api: Api) -> None:
    start = api.get("/")
    assert start["name"] == "product-images"
    for link in ("documentation", "openapi", "health", "readiness"):
        assert api.call("GET", start["links"][link]).status_code == 200

    page = api.call("GET", "/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["Content-Type"].startswith("text/html")
    for address in addresses(page.text):
        assert api.call("GET", f"/{address}").status_code == 200


def test_no_other_origin_is_let_in_unless_it_is_named(api: Api, shared: Api) -> None:
    def allowed(where: Api, origin: str) -> str | None:
        response = where.call("GET", "/jobs", headers={"Origin": origin})
        return response.headers.get("Access-Control-Allow-Origin")

    assert (allowed(api, SHOP), allowed(shared, STRANGER), allowed(shared, SHOP)) == (
        *(None, None),
        SHOP,
    )


def test_a_named_origin_may_ask_with_a_key(shared: Api) -> None:
    asked = {"Access-Control-Request-Method": "PATCH"} | {
        "Access-Control-Request-Headers": "authorization,idempotency-key"
    }
    answer = shared.call("OPTIONS", "/jobs", headers={"Origin": SHOP, **asked})

    assert answer.status_code == 200
    assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = shared.call("OPTIONS", "/jobs", headers={"Origin": STRANGER, **asked})
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_while_no_key_exists_pages_of_other_sites_change_nothing(api: Api, shared: Api) -> None:
    before = api.count()
    for origin in (STRANGER, "null"):
        headers = {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
        refused = api.call("POST", "/process-image", json=BODY, headers=headers)
        problem(refused, 403, "forbidden")
    assert api.count() == before

    for where, origin in ((api, api.url), (shared, SHOP)):
        posted = where.call("POST", "/process-image", json=BODY, headers={"Origin": origin})
        assert posted.status_code == 202
