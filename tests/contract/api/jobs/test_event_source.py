"""`GET /jobs/{id}/events` as a browser's own `EventSource` hears it, from a page elsewhere."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api.resources import ApiConfiguration
from infra.db.engine import Database
from infra.stack.ports import free_port
from tests.browser import TellingPage, browsing
from tests.contract.api.support.running import changed, running_api
from tests.contract.api.support.worker_part import fail, held
from tests.waiting import eventually

URLS = ["https://supplier.example/a.jpg", "https://supplier.example/b.jpg"]
_SECONDS = 120  # a browser on a busy machine
_CLOSED = {"name": "error", "state": 2}
_PAGE = """<!doctype html><meta charset="utf-8"><title>A job</title><script>
const stream = new EventSource("%s");
let told = Promise.resolve();  // one after the other, so that they arrive in order
function tell(heard) {
  told = told.then(() => fetch("/heard", {method: "POST", body: JSON.stringify(heard)}));
}
stream.onopen = () => tell({name: "open"});
stream.onerror = () => tell({name: "error", state: stream.readyState});
for (const name of ["image", "progress", "state", "end"])
  stream.addEventListener(name, event => tell({name, ...JSON.parse(event.data)}));
</script>"""


@pytest.fixture
def page() -> Iterator[TellingPage]:
    with TellingPage() as serving:
        yield serving


def told(heard: list[Any]) -> list[tuple[str, Any]]:
    """Return the events that are about the job: each name, with its state or what is done."""
    about = [event for event in heard if event["name"] not in ("open", "error")]
    return [(event["name"], event.get("state", event.get("done"))) for event in about]


def test_a_page_hears_a_job_to_its_end_across_a_restart_of_the_api(
    configured: ApiConfiguration, rows: Database, page: TellingPage, tmp_path: Path
) -> None:
    letting_in = changed(configured, api={"cors_origins": (page.address,)})
    port = free_port()
    queued = [("image", "queued")] * 2 + [("progress", 0), ("state", "queued")]
    running = [("image", "processing")] * 2 + [("state", "running")]
    failed = [("image", "failed")] * 2 + [("progress", 2), ("state", "failed"), ("end", "failed")]

    def hears(*events: tuple[str, Any], opened: int) -> None:
        def all_of_it() -> bool:
            times = page.heard.count({"name": "open"})
            return times >= opened and len(told(page.heard)) >= len(events)

        eventually(all_of_it, f"the page hears {events}", seconds=_SECONDS)
        assert told(page.heard) == list(events)

    with ExitStack() as first:
        api = first.enter_context(running_api(letting_in, port))
        posted = api.accepted(image_urls=URLS, sku=f"browser-{uuid4()}")
        page.html = _PAGE % f"{api.url}{posted['status_url']}/events"
        with browsing(page.address, tmp_path):
            hears(*queued, opened=1)
            mine = held(rows, posted["job_id"])
            hears(*queued, *running, opened=1)
            first.close()

            with running_api(letting_in, port):
                hears(*queued, *running, opened=2)  # told nothing twice: it sent its last id
                fail(rows, mine)
                hears(*queued, *running, *failed, opened=2)
                eventually(lambda: _CLOSED in page.heard, "it stops", seconds=_SECONDS)
    assert told(page.heard) == [*queued, *running, *failed]
