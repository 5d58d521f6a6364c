"""A key makes at most one job, whoever sends it how often and at the same moment."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from infra.contract.errors import Rejected
from infra.db.engine import Database
from infra.db.ids import new_id
from tasks.jobs.record import record
from tasks.submission.idempotency import forget_expired_keys, request_sha256, submit_once
from tasks.submission.key_reservation import RequestKey
from tasks.submission.submit import Submission, Submitted, Upload
from tests.integration.tasks.job_rows import at_once, claimed, count, done, sha256_of, url

KEY = RequestKey("order-1", kept_seconds=3600)
CALLERS = 20


def wanted(*names: str, **fields: Any) -> Submission:
    return Submission(**{"preset": "web", "urls": tuple(map(url, names)), **fields})


def upload(content: str) -> Upload:
    return Upload(sha256_of(content), f"originals/{content}.jpg", "jpeg", "image/jpeg", 10)


def expire_keys(database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("UPDATE idempotency_keys SET expires_at = now()"))


def test_the_same_request_with_the_same_key_is_the_same_job(database: Database) -> None:
    first = submit_once(database, wanted("a", "b", sku="S-1"), KEY)
    again = submit_once(database, wanted("a", "b", sku="S-1"), KEY)

    assert not first.replayed
    assert again == replace(first, replayed=True)
    assert count(database, "jobs") == 1


def test_a_replay_tells_what_the_job_is_now(database: Database) -> None:
    first = submit_once(database, wanted("a"), KEY)
    mine = claimed(database, first.job_id)
    record(database, mine, [done(image, "a") for image in mine.images])

    again = submit_once(database, wanted("a"), KEY)

    assert (again.state, again.images[0].state) == ("ready", "ready")


@pytest.mark.parametrize(
    "other",
    [
        wanted("b"),
        wanted("a", "b"),
        wanted("a", sku="S-1"),
        wanted("a", preset="other"),
        wanted("a", metadata={"a": 1}),
        wanted("a", callback_url="https://shop.example/hook"),
        wanted("a", uploads=(upload("x"),)),
    ],
)
def test_another_request_with_the_same_key_is_refused(
    database: Database, other: Submission
) -> None:
    submit_once(database, wanted("a"), KEY)

    with pytest.raises(Rejected) as caught:
        submit_once(database, other, KEY)

    assert (caught.value.status, caught.value.code) == (409, "idempotency_conflict")
    assert (count(database, "jobs"), count(database, "products")) == (1, 1)


def test_another_order_of_the_images_is_another_request() -> None:
    assert request_sha256(wanted("a", "b")) != request_sha256(wanted("b", "a"))


def test_spelling_does_not_make_another_request() -> None:
    plain = wanted("a", metadata={"x": 1, "y": [2]})
    assert request_sha256(plain) == request_sha256(wanted("a", "a", metadata={"y": [2], "x": 1}))


def test_the_digest_stays_what_it_is_so_that_an_update_does_not_refuse_old_requests() -> None:
    """Whoever has to change this figure makes every key of the last day conflict."""
    digest = request_sha256(Submission("web", urls=("https://example.com/a.jpg",)))
    assert digest == "48eab095c566d81faa1cff04b34871381eb20378ec0fcb00509db07cdf26a4e3"


def test_twenty_simultaneous_equal_requests_are_one_job(database: Database) -> None:
    jobs = at_once([partial(submit_once, database, wanted("a", "b"), KEY)] * CALLERS)

    assert len({job.job_id for job in jobs}) == 1
    assert sum(not job.replayed for job in jobs) == 1
    assert (count(database, "jobs"), count(database, "products")) == (1, 1)


def test_of_simultaneous_different_requests_one_wins(database: Database) -> None:
    def attempt(name: str) -> Submitted | str:
        try:
            return submit_once(database, wanted(name), KEY)
        except Rejected as exc:
            return exc.code

    results = at_once(partial(attempt, f"p{n}") for n in range(CALLERS))

    assert results.count("idempotency_conflict") == CALLERS - 1
    assert count(database, "jobs") == 1


def test_an_expired_key_is_a_new_key(database: Database) -> None:
    first = submit_once(database, wanted("a"), KEY)
    expire_keys(database)

    jobs = at_once([partial(submit_once, database, wanted("b"), KEY)] * CALLERS)

    (second,) = {job.job_id for job in jobs}
    assert second != first.job_id
    assert sum(not job.replayed for job in jobs) == 1
    assert count(database, "idempotency_keys") == 1


def test_a_refused_request_does_not_use_up_its_key(database: Database) -> None:
    with pytest.raises(Rejected) as caught:
        submit_once(database, wanted("a", product_id=new_id()), KEY)
    assert caught.value.code == "not_found"

    assert not submit_once(database, wanted("b"), KEY).replayed


def test_keys_of_two_owners_are_two_keys(database: Database) -> None:
    mine = submit_once(database, wanted("a", sku="S-1"), replace(KEY, owner="me"))
    yours = submit_once(database, wanted("a", sku="S-1"), replace(KEY, owner="you"))

    assert mine.job_id != yours.job_id
    assert not yours.replayed


def test_only_expired_keys_are_forgotten(database: Database) -> None:
    submit_once(database, wanted("a"), RequestKey("old", kept_seconds=3600))
    expire_keys(database)
    kept = submit_once(database, wanted("b"), KEY)

    assert forget_expired_keys(database) == 1

    assert submit_once(database, wanted("b"), KEY).job_id == kept.job_id
    assert count(database, "jobs") == 2


def test_the_key_of_a_deleted_product_makes_a_new_job(database: Database) -> None:
    first = submit_once(database, wanted("a"), KEY)
    with database.transaction() as session:
        session.execute(text("DELETE FROM products"))

    again = submit_once(database, wanted("a"), KEY)

    assert not again.replayed
    assert again.job_id != first.job_id
