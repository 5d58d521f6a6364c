"""Many callers and workers at the same moment: no gaps, no doubles, no deadlocks."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import select, text

from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Product
from infra.db.models.jobs import Job
from tasks.jobs.cancel import cancel
from tasks.jobs.claim import Claim, claim
from tasks.jobs.end_early import Ending, end_early
from tasks.jobs.lease import Unclaimed, give_back
from tasks.jobs.park import park
from tasks.jobs.reclaim import reclaim_lost
from tasks.jobs.record import record
from tasks.jobs.retry import retry
from tests.integration.tasks.job_rows import (
    HERE,
    SETTINGS,
    at_once,
    claimed,
    count,
    done,
    expire,
    image_rows,
    job_row,
    submitted,
    url,
)
from tests.waiting import eventually

CALLERS = 20
ROUNDS = 5
SECONDS = 30


def test_twenty_simultaneous_posts_of_one_sku_make_one_product_without_gaps(
    database: Database,
) -> None:
    jobs = at_once(partial(submitted, database, f"p{n}", sku="S-1") for n in range(CALLERS))

    (product_id,) = {job.product_id for job in jobs}
    rows = image_rows(database, product_id)
    assert [row.position for row in rows] == list(range(CALLERS))
    assert {row.source_url for row in rows} == {url(f"p{n}") for n in range(CALLERS)}
    assert count(database, "jobs") == CALLERS


def test_twenty_simultaneous_posts_of_one_url_make_one_product_and_one_image(
    database: Database,
) -> None:
    jobs = at_once([partial(submitted, database, "same")] * CALLERS)

    assert len({job.product_id for job in jobs}) == 1
    assert len({job.images[0].id for job in jobs}) == 1
    assert len({job.job_id for job in jobs}) == CALLERS


def test_overlapping_posts_in_opposite_orders_all_succeed(database: Database) -> None:
    names = [f"p{n}" for n in range(CALLERS)]
    calls = [
        partial(submitted, database, *order, sku="S-1")
        for order in (names, names[::-1])
        for _ in range(ROUNDS)
    ]

    jobs = at_once(calls)

    assert len({job.product_id for job in jobs}) == 1
    assert count(database, "images") == CALLERS


def test_one_of_many_simultaneous_claims_wins(database: Database) -> None:
    job = submitted(database, "a")
    calls = [
        partial(claim, database, job.job_id, owner=f"worker-{n}", settings=SETTINGS)
        for n in range(CALLERS)
    ]

    results = at_once(calls)

    assert sum(isinstance(result, Claim) for result in results) == 1
    assert results.count(Unclaimed.HELD_ELSEWHERE) == CALLERS - 1
    assert job_row(database, job.job_id).attempts == 1


def test_two_records_with_the_same_bytes_do_not_wait_for_each_other_in_a_circle(
    database: Database,
) -> None:
    names = [f"p{n}" for n in range(12)]
    for number in range(ROUNDS):
        contents = [f"{number}-{name}" for name in names]
        claims = [
            claimed(database, submitted(database, *order, sku=f"S-{number}-{index}").job_id)
            for index, order in enumerate((names, names[::-1]))
        ]
        states = at_once(
            partial(
                record,
                database,
                mine,
                [done(image, text) for image, text in zip(mine.images, order, strict=True)],
            )
            for mine, order in zip(claims, (contents, contents[::-1]), strict=True)
        )
        assert states == [JobState.READY, JobState.READY]
    assert count(database, "originals") == ROUNDS * len(names)


def test_two_records_of_the_same_images_do_not_wait_for_each_other_in_a_circle(
    database: Database,
) -> None:
    names = [f"p{n}" for n in range(12)]
    for _ in range(ROUNDS):
        claims = [
            claimed(database, submitted(database, *order, sku="S-1").job_id)
            for order in (names, names[::-1])
        ]
        states = at_once(
            partial(
                record, database, mine, [done(image, image.source_url) for image in mine.images]
            )
            for mine in claims
        )
        assert states == [JobState.READY, JobState.READY]


def test_a_post_and_a_record_of_the_same_images_do_not_wait_for_each_other_in_a_circle(
    database: Database,
) -> None:
    mine = claimed(database, submitted(database, "a", "b", sku="S-1").job_id)
    results = [done(image, image.source_url) for image in mine.images]
    with ThreadPoolExecutor(2) as pool:
        with locked_image(database, max(image.id for image in mine.images)):
            recording = pool.submit(record, database, mine, results)  # has all but the last image
            eventually(lambda: waiting(database) == 1, "the record waits")
            posting = pool.submit(submitted, database, "a", "b", sku="S-1")
            eventually(lambda: waiting(database) == 2, "the post waits behind the record")

        assert recording.result(SECONDS) is JobState.READY
        assert posting.result(SECONDS).product_id == mine.product_id


@contextmanager
def locked_image(database: Database, image_id: UUID) -> Iterator[None]:
    """Hold an image's row, so that whoever wants to write it waits."""
    with database.transaction() as session:
        session.get(Image, image_id, with_for_update=True)
        yield


def waiting(database: Database) -> int:
    """Return how many of the database's connections wait for a lock."""
    statement = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    with database.transaction() as session:
        return int(session.execute(text(statement)).scalar_one())


def _claim(database: Database, job_id: UUID) -> Callable[[], object]:
    return partial(claim, database, job_id, owner=HERE, settings=SETTINGS)


def _cancel(database: Database, job_id: UUID) -> Callable[[], object]:
    return partial(cancel, database, job_id)


def _give_back(database: Database, job_id: UUID) -> Callable[[], object]:
    return partial(give_back, database, claimed(database, job_id), counts=True)


def _park(database: Database, job_id: UUID) -> Callable[[], object]:
    return partial(park, database, claimed(database, job_id), [], seconds=60)


def _end_early(database: Database, job_id: UUID) -> Callable[[], object]:
    return partial(end_early, database, claimed(database, job_id), [], ending=Ending.TIMED_OUT)


def _reclaim(database: Database, job_id: UUID) -> Callable[[], object]:
    claimed(database, job_id)
    expire(database, job_id)
    return partial(reclaim_lost, database, Job, grace_seconds=0)


def _retry(database: Database, job_id: UUID) -> Callable[[], object]:
    cancel(database, job_id)
    return partial(retry, database, job_id)


@pytest.mark.parametrize(
    "prepare", [_claim, _cancel, _give_back, _park, _end_early, _reclaim, _retry]
)
def test_whoever_writes_images_has_the_product_first(
    database: Database, prepare: Callable[[Database, UUID], Callable[[], object]]
) -> None:
    job = submitted(database, "a", "b", sku="S-1")
    work = prepare(database, job.job_id)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            session.get(Product, job.product_id, with_for_update=True)
            working = pool.submit(work)
            eventually(lambda: waiting(database) == 1, "it waits for the product")
            with database.transaction() as other:
                free = other.scalars(select(Image.id).with_for_update(skip_locked=True)).all()
        working.result(SECONDS)

    assert len(free) == len(job.images)
