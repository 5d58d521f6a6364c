"""Whoever holds a job can keep it or give it back; whoever lost it changes nothing."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from infra.contract.errors import ErrorCode, LostClaim
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from tasks.jobs.claim import Claim
from tasks.jobs.end_early import Ending, end_early
from tasks.jobs.lease import Renewal, give_back, link_flow_run, renew
from tasks.jobs.park import park
from tasks.jobs.record import record
from tests.integration.tasks.job_rows import (
    ELSEWHERE,
    HERE,
    SETTINGS,
    change,
    claimed,
    count,
    done,
    expire,
    image_rows,
    job_row,
    outcome_rows,
    submitted,
)

LEASE = SETTINGS.lease_seconds
NOTHING: Renewal[Claim] = Renewal(renewed=frozenset(), locked=frozenset())


def lease_end(database: Database, job_id: UUID) -> datetime:
    end = job_row(database, job_id).lease_expires_at
    assert end is not None
    return end


def test_renewing_extends_every_lease_that_is_still_ours(database: Database) -> None:
    claims = [claimed(database, submitted(database, name).job_id) for name in ("a", "b")]
    for mine in claims:
        change(database, mine.job_id, "lease_expires_at = now() + interval '1 second'")
    before = [lease_end(database, mine.job_id) for mine in claims]

    assert renew(database, claims, LEASE).renewed == set(claims)
    for mine, earlier in zip(claims, before, strict=True):
        assert (lease_end(database, mine.job_id) - earlier).total_seconds() > 10


def test_renewing_nothing_asks_nothing(database: Database) -> None:
    assert renew(database, [], LEASE) == NOTHING


def test_a_locked_row_delays_only_its_own_renewal(database: Database) -> None:
    claims = [claimed(database, submitted(database, name).job_id) for name in ("a", "b")]
    locked, free = claims
    for mine in claims:
        change(database, mine.job_id, "lease_expires_at = now() + interval '1 second'")
    before = lease_end(database, free.job_id)

    with database.transaction() as session:
        session.execute(select(Job).where(Job.id == locked.job_id).with_for_update())
        renewal = renew(database, claims, LEASE)

    assert (renewal.renewed, renewal.locked) == ({free}, {locked})
    assert (lease_end(database, free.job_id) - before).total_seconds() > 10
    assert renew(database, claims, LEASE).renewed == set(claims)


def test_an_expired_lease_that_nobody_took_can_be_renewed(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    expire(database, mine.job_id)

    assert renew(database, [mine], LEASE).renewed == {mine}


def test_the_flow_run_of_a_held_job_is_noted(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    flow_run_id = uuid4()

    link_flow_run(database, mine, flow_run_id)

    assert job_row(database, mine.job_id).flow_run_id == flow_run_id


@pytest.mark.parametrize(("counts", "attempts"), [(True, 1), (False, 0)])
def test_a_job_that_is_given_back_can_be_claimed_again(
    database: Database, *, counts: bool, attempts: int
) -> None:
    mine = claimed(database, submitted(database, "a").job_id)

    assert give_back(database, mine, counts=counts) is True

    row = job_row(database, mine.job_id)
    assert (row.state, row.attempts) == (JobState.QUEUED, attempts)
    assert (row.lease_owner, row.lease_expires_at) == (None, None)
    again = claimed(database, mine.job_id, owner=ELSEWHERE)
    assert again.fencing_token == mine.fencing_token + 1
    assert again.attempt == attempts + 1


def test_the_images_of_a_job_that_is_given_back_wait_again(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")

    give_back(database, claimed(database, job.job_id), counts=True)

    for rows in (outcome_rows(database, job.job_id), image_rows(database, job.product_id)):
        assert [row.state for row in rows] == [ImageState.QUEUED] * 2


@pytest.mark.parametrize("republish", [True, False])
def test_a_job_without_a_delivery_is_published_again_when_it_is_given_back(
    database: Database, *, republish: bool
) -> None:
    job_id = submitted(database, "a").job_id
    change(database, job_id, "dispatched_at = now()")

    give_back(database, claimed(database, job_id), counts=True, republish=republish)

    assert (job_row(database, job_id).dispatched_at is None) is republish


def test_outages_never_use_up_the_attempts_of_a_job(database: Database) -> None:
    job_id = submitted(database, "a").job_id
    for _ in range(SETTINGS.max_attempts + 2):
        give_back(database, claimed(database, job_id), counts=False)

    assert claimed(database, job_id).attempt == 1


def _record(database: Database, old: Claim) -> None:
    with pytest.raises(LostClaim) as loss:
        record(database, old, [done(old.images[0], "late")])
    assert loss.value.code == ErrorCode.LOST_CLAIM


def _renew(database: Database, old: Claim) -> None:
    assert renew(database, [old], LEASE) == NOTHING


def _give_back(database: Database, old: Claim) -> None:
    assert give_back(database, old, counts=False) is False


def _link(database: Database, old: Claim) -> None:
    link_flow_run(database, old, uuid4())


def _end_early(database: Database, old: Claim) -> None:
    for ending in Ending:
        with pytest.raises(LostClaim):
            end_early(database, old, [done(old.images[0], "late")], ending=ending)


def _park(database: Database, old: Claim) -> None:
    with pytest.raises(LostClaim):
        park(database, old, [done(old.images[0], "late")], seconds=60)


LATE = pytest.mark.parametrize("write", [_record, _renew, _give_back, _link, _end_early, _park])


@LATE
def test_a_holder_who_lost_the_job_to_another_changes_nothing(
    database: Database, write: Callable[[Database, Claim], None]
) -> None:
    old = claimed(database, submitted(database, "a").job_id, owner=HERE)
    expire(database, old.job_id)
    claimed(database, old.job_id, owner=ELSEWHERE)
    before = snapshot(database, old.job_id)

    write(database, old)

    assert snapshot(database, old.job_id) == before


@LATE
def test_a_holder_whose_own_process_claimed_again_changes_nothing(
    database: Database, write: Callable[[Database, Claim], None]
) -> None:
    old = claimed(database, submitted(database, "a").job_id, owner=HERE)
    expire(database, old.job_id)
    claimed(database, old.job_id, owner=HERE)
    before = snapshot(database, old.job_id)

    write(database, old)

    assert snapshot(database, old.job_id) == before


@LATE
def test_a_holder_changes_nothing_after_the_job_was_given_back(
    database: Database, write: Callable[[Database, Claim], None]
) -> None:
    old = claimed(database, submitted(database, "a").job_id)
    give_back(database, old, counts=True)
    before = snapshot(database, old.job_id)

    write(database, old)

    assert snapshot(database, old.job_id) == before


def snapshot(database: Database, job_id: UUID) -> tuple[object, ...]:
    """Return all that a late write could change."""
    row = job_row(database, job_id)
    columns = tuple(
        getattr(row, column.key) for column in row.__table__.columns if column.key in vars(row)
    )
    states: list[ImageState] = [image.state for image in outcome_rows(database, job_id)]
    return (
        *columns,
        row.details,
        *states,
        count(database, "originals"),
        count(database, "variants"),
    )
