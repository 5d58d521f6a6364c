"""More work is refused, not piled up, once as many jobs wait as may."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import update

from api.resources import ApiConfiguration
from infra.contract.states import Lane
from infra.db.engine import Database
from infra.db.models.jobs import Job
from infra.settings.sections import DatabaseSettings
from tasks.batches.plan import plan_some
from tasks.submission.queue_limit import QueueBound
from tests.contract.api.support.importing import catalogue, send, skus
from tests.contract.api.support.running import Api, changed, problem, running_api
from tests.integration.database.fresh import tabled_database
from tests.waiting import eventually

MOST = 3
URL = "https://supplier.example/bound.jpg"


@pytest.fixture(scope="module")
def bounded(configured: ApiConfiguration, stack: object) -> Iterator[ApiConfiguration]:
    """An API that lets three jobs wait, on a database where nothing works on them."""
    with tabled_database(configured.database.url) as url:
        yield changed(configured, queue={"max_queued": MOST}, database={"url": url})


@pytest.fixture
def api(bounded: ApiConfiguration) -> Iterator[Api]:
    with running_api(bounded) as serving:
        yield serving


@pytest.fixture
def rows(bounded: ApiConfiguration) -> Iterator[Database]:
    with Database(DatabaseSettings(url=bounded.database.url)) as opened:
        yield opened


def park_all(rows: Database, lane: Lane) -> None:
    """Put what waits into the other lane, so that this one is empty."""
    other = Lane.BULK if lane is Lane.INTERACTIVE else Lane.INTERACTIVE
    with rows.transaction() as session:
        session.execute(update(Job).where(Job.lane == lane).values(lane=other))


def test_a_full_queue_refuses_new_jobs_says_when_to_come_back_and_takes_them_then(
    api: Api, rows: Database
) -> None:
    key = {"Idempotency-Key": "bound-1"}
    first = api.call("POST", "/process-image", json={"image_url": URL}, headers=key)
    eventually(lambda: api.post(image_url=URL).status_code == 429, "the queue is full")
    before = api.count()

    refused = api.post(image_urls=[URL], sku="bound-2")
    problem(refused, 429, "queue_full")
    assert int(refused.headers["Retry-After"]) > 0
    product = api.call("POST", "/products", json={"sku": "bound-3", "images": [URL]})
    problem(product, 429, "queue_full")
    assert api.get("/products", sku="bound-3")["products"] == []
    again = api.call("POST", "/process-image", json={"image_url": URL}, headers=key)
    assert again.status_code == 200
    assert again.json()["job_id"] == first.json()["job_id"]
    assert api.count() == before >= MOST

    park_all(rows, Lane.INTERACTIVE)
    eventually(lambda: api.post(image_url=URL).status_code == 202, "there is room again")


def test_an_import_is_accepted_and_its_jobs_wait_until_there_is_room(
    api: Api, rows: Database
) -> None:
    park_all(rows, Lane.BULK)
    accepted = send(api, catalogue(skus(8)))
    assert accepted.status_code == 202, accepted.text
    batch_id = UUID(accepted.json()["batch_id"])

    def planned() -> int:
        return plan_some(rows, batch_id, limit=2, bound=QueueBound(MOST))

    assert [planned() for _ in range(4)] == [2, 2, 0, 0]
    park_all(rows, Lane.BULK)
    assert [planned() for _ in range(3)] == [2, 2, 0]


def test_zero_is_no_bound(rows: Database) -> None:
    with rows.transaction() as session:
        QueueBound(0).require_room(session, Lane.INTERACTIVE)
