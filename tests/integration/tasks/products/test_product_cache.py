"""Products read through the cache while others change them: never stale, never wrong."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import text

from infra.cache import Cache
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.product_cache import Entry, ProductCache
from infra.settings.sections import CacheSettings
from infra.stack.ports import free_port
from infra.stack.stack import Stack
from tasks.jobs.record import record
from tasks.products.cached import CachedProducts
from tasks.products.change import change
from tasks.views import ProductView
from tests.integration.tasks.job_rows import at_once, claimed, done, submitted

_READERS, _ROUNDS = 6, 40
_SECONDS = 60


def render(product: ProductView) -> bytes:
    states = [image.state for image in product.images]
    return json.dumps({"name": product.head.name, "images": states}).encode()


@pytest.fixture
def cache(stack: Stack) -> Iterator[ProductCache]:
    with Cache(CacheSettings(url=stack.description.redis_url)) as opened:
        yield ProductCache(opened, f"test-{new_id().hex}", secret="s")


@pytest.fixture
def products(database: Database, cache: ProductCache) -> CachedProducts:
    return CachedProducts(database, cache, render)


@pytest.fixture
def away() -> Iterator[ProductCache]:
    """A cache whose Redis is gone."""
    with Cache(CacheSettings(url=f"redis://127.0.0.1:{free_port()}/0")) as opened:
        yield ProductCache(opened, "away", secret="s")


def name_of(products: CachedProducts, product_id: UUID) -> int:
    reading = products.read(product_id)
    assert reading is not None
    assert reading.body is not None
    return int(json.loads(reading.body)["name"])


def read_until(products: CachedProducts, product_id: UUID, seen: list[int], end: Event) -> None:
    """Read again and again; what was committed before a read began must be in its answer."""
    while not end.is_set():
        at_least = seen[-1]
        assert name_of(products, product_id) >= at_least


@pytest.mark.parametrize("with_redis", [True, False])
def test_no_reader_is_shown_less_than_what_was_committed_before_it_asked(
    database: Database, cache: ProductCache, away: ProductCache, *, with_redis: bool
) -> None:
    product_id = submitted(database, "a").product_id
    change(database, product_id, {"name": "0"})
    kept = cache if with_redis else away
    processes = [CachedProducts(database, kept, render) for _ in range(2)]
    seen, end = [0], Event()
    with ThreadPoolExecutor(_READERS) as pool:
        readers = [
            pool.submit(read_until, processes[number % 2], product_id, seen, end)
            for number in range(_READERS)
        ]
        try:
            for number in range(1, _ROUNDS + 1):
                change(database, product_id, {"name": str(number)})
                seen.append(number)  # the change is committed: from now on it must be seen
        finally:
            end.set()
        for reader in readers:
            reader.result(_SECONDS)
    assert name_of(processes[0], product_id) == _ROUNDS


def test_an_old_answer_that_is_put_back_late_is_not_believed(
    database: Database, cache: ProductCache, products: CachedProducts
) -> None:
    product_id = submitted(database, "a").product_id
    change(database, product_id, {"name": "1"})
    products.read(product_id)
    old = cache.get(product_id)
    change(database, product_id, {"name": "2"})
    assert name_of(products, product_id) == 2

    assert isinstance(old, Entry)
    cache.put(product_id, old)

    assert name_of(products, product_id) == 2


def test_a_recorded_image_is_seen_by_the_next_read(
    database: Database, products: CachedProducts
) -> None:
    job = submitted(database, "a")
    mine = claimed(database, job.job_id)
    products.read(job.product_id)
    hit = products.read(job.product_id)

    record(database, mine, [done(mine.images[0], "a")])
    reading = products.read(job.product_id)

    assert hit is not None
    assert hit.hit
    assert reading is not None
    assert not reading.hit
    assert reading.body is not None
    assert json.loads(reading.body)["images"] == ["ready"]


def test_readers_who_come_at_once_have_one_answer_made_for_all(
    database: Database, cache: ProductCache
) -> None:
    product_id = submitted(database, "a").product_id
    made: list[UUID] = []

    def counting(product: ProductView) -> bytes:
        made.append(product.head.id)
        return render(product)

    processes = [CachedProducts(database, cache, counting) for _ in range(2)]
    calls = [lambda p=processes[n % 2]: p.read(product_id) for n in range(10)]
    bodies = {reading.body for reading in at_once(calls) if reading is not None}

    assert len(bodies) == 1
    assert len(made) == 1


def test_an_unknown_product_is_remembered_without_asking_the_database(
    database: Database, cache: ProductCache, products: CachedProducts
) -> None:
    unknown = new_id()
    assert products.read(unknown) is None
    kept = cache.get(unknown)
    assert kept is not None
    assert kept.is_absent

    with database.transaction() as session:
        session.execute(text("LOCK TABLE products IN ACCESS EXCLUSIVE MODE"))
        assert products.read(unknown) is None


def test_without_redis_reads_are_right_and_never_an_error(
    database: Database, away: ProductCache
) -> None:
    products = CachedProducts(database, away, render)
    product_id = submitted(database, "a").product_id
    for number in (1, 2):
        change(database, product_id, {"name": str(number)})
        assert name_of(products, product_id) == number
    reading = products.read(product_id)

    assert reading is not None
    assert not reading.hit
    assert products.read(new_id()) is None


@pytest.mark.parametrize("version", [2**62, -1])
def test_a_body_that_somebody_else_wrote_to_redis_is_not_served(
    database: Database, stack: Stack, version: int
) -> None:
    shape = f"test-{new_id().hex}"
    product_id, other_id = (submitted(database, name, sku=name).product_id for name in "ab")
    with Cache(CacheSettings(url=stack.description.redis_url)) as redis:
        ours = ProductCache(redis, shape, secret="s")
        products = CachedProducts(database, ours, render)
        first = products.read(product_id)
        key, other_key = (f"product:2:{shape}:{each.hex}" for each in (product_id, other_id))
        kept = redis.get(key)
        assert first is not None
        assert kept is not None
        forged = b"%d forged" % version

        for body in (forged, b"0" * 32 + forged, kept[:32] + forged):
            redis.put(key, body, 60)
            again = products.read(product_id)
            assert again is not None
            assert (again.body, again.hit) == (first.body, False)
        ProductCache(redis, shape, secret="another").put(product_id, Entry(2**62, b"forged"))
        assert ours.get(product_id) is None
        redis.put(other_key, kept, 60)  # a true body of another product
        assert ours.get(other_id) is None
