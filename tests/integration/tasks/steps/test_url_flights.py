"""Equal URLs that several jobs ask at once are asked once, whatever happens to the first."""

from collections.abc import Iterator

import pytest

from infra.cache import Cache
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.settings.sections import CacheSettings
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tasks.jobs.record import record
from tasks.steps.url_flights import UrlFlights, key_of, original_fetched_for
from tests.integration.tasks.job_rows import claimed, done, failed, finished, submitted
from tests.waiting import eventually


@pytest.fixture
def cache(stack: Stack) -> Iterator[Cache]:
    with Cache(CacheSettings(url=stack.description.redis_url)) as opened:
        yield opened


@pytest.fixture
def url() -> str:
    return f"http://supplier.example/{new_id().hex}.jpg"


def test_one_leads_until_it_has_landed(cache: Cache, url: str) -> None:
    here, elsewhere = UrlFlights(cache), UrlFlights(cache)
    first, second, third = new_id(), new_id(), new_id()

    assert here.lead(url, first) is None
    assert [elsewhere.lead(url, second), here.lead(url, third)] == [first, first]

    elsewhere.land(url, second)  # who does not lead ends nobody's flight
    assert elsewhere.lead(url, second) == first

    here.land(url, first)
    assert elsewhere.lead(url, second) is None
    assert here.lead(url, third) == second


def test_the_lead_of_a_job_that_died_passes_to_the_next(cache: Cache, url: str) -> None:
    flights, died, next_one = UrlFlights(cache, lead_seconds=0.2), new_id(), new_id()
    assert flights.lead(url, died) is None

    eventually(lambda: flights.lead(url, next_one) is None, "the next one leads")


def test_every_job_asks_for_itself_while_redis_is_away(url: str) -> None:
    with Cache(CacheSettings(url=f"redis://127.0.0.1:{free_port()}/0")) as away:
        flights = UrlFlights(away)

        assert [flights.lead(url, new_id()) for _ in range(2)] == [None, None]
        flights.land(url, new_id())


@pytest.mark.parametrize("forged", [b"forged", b"\xff", b""])
def test_an_entry_that_is_none_of_ours_stops_nobody(cache: Cache, url: str, forged: bytes) -> None:
    flights = UrlFlights(cache)
    cache.put(key_of(url), forged, 10)

    assert flights.lead(url, new_id()) is None


def test_what_the_leader_recorded_is_read_by_the_one_that_waited(database: Database) -> None:
    first, second = (submitted(database, "same", sku=sku) for sku in ("S-1", "S-2"))
    leading, waiting = claimed(database, first.job_id), claimed(database, second.job_id)
    (image,) = leading.images
    ask = {image.id}, image.source_url

    assert original_fetched_for(database, *ask, since=waiting.claimed_at) is None

    record(database, leading, [done(image, "same")])

    found = original_fetched_for(database, *ask, since=waiting.claimed_at)
    assert found is not None
    assert found.object_key.startswith("originals/")
    assert (
        original_fetched_for(
            database, {image.id}, "http://other.example/", since=waiting.claimed_at
        )
        is None
    )


def test_what_was_fetched_before_or_in_vain_is_not_taken(database: Database) -> None:
    finished(database, "same", sku="S-1")
    later = claimed(database, submitted(database, "same", sku="S-1").job_id)
    (image,) = later.images
    ask = {image.id}, image.source_url

    waiting = claimed(database, submitted(database, "same", sku="S-2").job_id)
    assert original_fetched_for(database, *ask, since=waiting.claimed_at) is None

    record(database, later, [failed(image)])
    assert original_fetched_for(database, *ask, since=waiting.claimed_at) is None
