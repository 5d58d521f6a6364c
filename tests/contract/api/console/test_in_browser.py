"""The console in Chromium: what scripts add, and that all can use it by keyboard and at 390 px."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy import func, update

from infra.contract.scopes import Scope
from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from infra.stack.stack import Stack
from tasks.batches.plan import plan_some
from tasks.batches.settle import settle_batch
from tests.browser import driven
from tests.contract.api.support.keyed import bearer, keyed_api
from tests.contract.api.support.running import Api

GOOD = b"sku,image_urls\nL-1,https://supplier.example/a.jpg\nL-2,https://supplier.example/b.jpg\n"
BAD = GOOD + b"L-3,ftp://supplier.example/c.jpg\n,https://supplier.example/d.jpg\n"
PAGES = (
    "",
    "/products",
    "/batches",
    "/imports",
    "/failures",
    "/suppliers",
    "/presets",
    "/settings",
)
SECONDS = 60
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with driven(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser, api: Api) -> Iterator[Page]:
    """A page on a small screen; what the browser refuses, or a script throws, fails the test."""
    context = chromium.new_context(
        base_url=api.url, viewport={"width": 390, "height": 844}, timezone_id="Asia/Tokyo"
    )
    context.set_default_timeout(SECONDS * 1000)
    opened, wrong = context.new_page(), list[str]()
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda told: wrong.append(told.text) if told.type == "error" else None)
    yield opened
    context.close()
    assert wrong == []


def serious(page: Page) -> list[str]:
    """Return what axe-core finds serious, with the place."""
    return [
        f"{found['id']}: {node['html'][:200]}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_for_all_and_fits_a_small_screen(api: Api, page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of the two
    made = api.call(
        "POST", "/products", json={"name": "Lamp", "images": ["https://supplier.example/l.jpg"]}
    ).json()
    details = (f"/products/{made['id']}", f"/jobs/{made['job_id']}")
    for path in (*PAGES, *details):
        page.goto(f"/console{path}")
        assert serious(page) == [], path
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, (path, width)


def test_times_are_in_the_reader_s_zone(api: Api, page: Page) -> None:
    made = api.call("POST", "/products", json={"name": "Now"}).json()
    page.goto(f"/console/products/{made['id']}")
    shown = page.locator("time").first
    assert "GMT+9" in (shown.get_attribute("title") or "")
    assert "UTC" not in shown.inner_text()


def test_a_file_is_checked_and_imported_by_keyboard_and_followed_without_reload(
    page: Page, rows: Database, tmp_path: Path
) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(BAD)
    good.write_bytes(GOOD)
    page.goto("/console/batches")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Import a file").first.focus()
    page.keyboard.press("Enter")
    page.set_input_files("#file", bad)
    page.get_by_role("button", name="Check the file").focus()
    page.keyboard.press("Enter")
    page.get_by_text("2 of 4 rows are wrong").wait_for()
    assert page.get_by_text("invalid_url").count() == 1

    page.set_input_files("#file", good)
    page.get_by_role("button", name="Import", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/batches/**")
    page.get_by_text("0 of 2 jobs ended").wait_for()
    page.evaluate("window.kept = true")
    batch = UUID(page.url.partition("?")[0].rpartition("/")[2])
    plan_some(rows, batch, limit=10)
    end_jobs(rows, batch, at_most=1)
    page.get_by_text("1 of 2 jobs ended").wait_for()
    assert page.evaluate("window.kept") is True

    end_jobs(rows, batch, at_most=2)
    settle_batch(rows, batch)
    page.get_by_text("Delete …").wait_for()
    page.get_by_text("2 of 2 jobs ended").wait_for()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the report").click()
    assert "L-1" in download.value.path().read_text("utf-8")


def end_jobs(rows: Database, batch: UUID, *, at_most: int) -> None:
    """Have as many jobs of a batch ended as a worker would."""
    with rows.transaction() as session:
        ids = session.query(Job.id).filter(Job.batch_id == batch).order_by(Job.id).limit(at_most)
        ended = update(Job).where(Job.id.in_([row.id for row in ids]))
        session.execute(ended.values(state=JobState.READY, finished_at=func.now()))


def test_a_revoked_key_s_page_leads_to_the_form(stack: Stack, chromium: Browser) -> None:
    with keyed_api(stack) as keyed:
        admin, key = keyed.issue(Scope.ADMIN), keyed.issue(Scope.WRITE)
        context = chromium.new_context(base_url=keyed.api.url)
        page = context.new_page()
        page.goto("/console/batches")
        assert serious(page) == []
        page.get_by_label("API key").fill(key.text)
        page.keyboard.press("Enter")
        page.wait_for_url("**/console/batches")
        path = f"/keys/{key.view.id}/revoke"
        assert keyed.api.call("POST", path, headers=bearer(admin)).status_code == 200

        for _ in range(SECONDS):
            page.goto("/console/batches")
            if "/sign-in" in page.url:
                break
            page.wait_for_timeout(200)
        assert page.get_by_label("API key").is_visible()
        context.close()
