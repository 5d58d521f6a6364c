"""Jobs whose worker is gone come back, once, and nobody else's job is touched."""

from functools import partial

import pytest

from infra.contract.errors import LostClaim
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job
from infra.settings.sections import DispatchSettings
from tasks.jobs.cancel import cancel
from tasks.jobs.dispatch import dispatch_due
from tasks.jobs.reclaim import reclaim_lost, republish
from tasks.jobs.record import record
from tests.integration.tasks.job_rows import (
    at_once,
    change,
    claimed,
    done,
    expire,
    finished,
    image_rows,
    job_row,
    outcome_rows,
    submitted,
)
from tests.support.memory_broker import MemoryBroker

GRACE_SECONDS = 30
LOST = f"lease_expires_at = now() - interval '{GRACE_SECONDS + 1} seconds', dispatched_at = now()"


def test_a_lost_job_is_queued_and_published_again_with_its_attempt_counted(
    database: Database,
) -> None:
    job = submitted(database, "a", sku="S-1")
    mine = claimed(database, job.job_id)
    change(database, job.job_id, LOST)

    assert reclaim_lost(database, Job, grace_seconds=GRACE_SECONDS) == (job.job_id,)

    row = job_row(database, job.job_id)
    assert (row.state, row.attempts, row.dispatched_at) == (JobState.QUEUED, 1, None)
    assert (row.lease_owner, row.lease_expires_at) == (None, None)
    for rows in (outcome_rows(database, job.job_id), image_rows(database, job.product_id)):
        assert [row.state for row in rows] == [ImageState.QUEUED]
    assert dispatch_due(database, MemoryBroker().publisher(), DispatchSettings()) == 1
    with pytest.raises(LostClaim):
        record(database, mine, [done(mine.images[0], "late")])


def test_jobs_within_the_grace_and_jobs_that_do_not_run_are_left_alone(database: Database) -> None:
    expired = claimed(database, submitted(database, "a").job_id)
    expire(database, expired.job_id)
    held = claimed(database, submitted(database, "b").job_id)
    queued = submitted(database, "c").job_id
    ready = finished(database, "d").job_id

    assert reclaim_lost(database, Job, grace_seconds=GRACE_SECONDS) == ()

    states = [job_row(database, job_id).state for job_id in (queued, ready)]
    assert states == [JobState.QUEUED, JobState.READY]
    for mine in (expired, held):
        assert job_row(database, mine.job_id).state is JobState.RUNNING


def test_a_lost_job_that_somebody_wants_cancelled_is_cancelled(database: Database) -> None:
    job_id = claimed(database, submitted(database, "a").job_id).job_id
    cancel(database, job_id)
    change(database, job_id, LOST)

    assert reclaim_lost(database, Job, grace_seconds=GRACE_SECONDS) == (job_id,)

    assert job_row(database, job_id).state is JobState.CANCELLED
    assert [row.error_code for row in outcome_rows(database, job_id)] == ["cancelled"]


def test_reapers_that_come_together_bring_every_job_back_once(database: Database) -> None:
    jobs = [claimed(database, submitted(database, f"p{n}", sku="S-1").job_id) for n in range(10)]
    for mine in jobs:
        change(database, mine.job_id, LOST)

    found = at_once([partial(reclaim_lost, database, Job, grace_seconds=GRACE_SECONDS)] * 4)

    reclaimed = [job_id for each in found for job_id in each]
    assert len(reclaimed) == len(jobs)
    assert set(reclaimed) == {mine.job_id for mine in jobs}


def test_only_queued_jobs_that_are_due_are_published_again(database: Database) -> None:
    waiting, parked, running, other = (submitted(database, name).job_id for name in "abcd")
    claimed(database, running)
    for job_id in (waiting, parked, running, other):
        change(database, job_id, "dispatched_at = now()")
    change(database, parked, "not_before = now() + interval '1 hour'")

    assert republish(database, [waiting, parked, running]) == 1
    assert republish(database, []) == 0

    unpublished = [
        job_id
        for job_id in (waiting, parked, running, other)
        if job_row(database, job_id).dispatched_at is None
    ]
    assert unpublished == [waiting]
