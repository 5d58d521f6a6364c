"""A parked job holds no worker, keeps what was made, and comes back when it is due."""

from datetime import UTC, datetime, timedelta

from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from infra.settings.sections import DispatchSettings
from tasks.jobs.cancel import cancel
from tasks.jobs.claim import Claim, claim
from tasks.jobs.dispatch import dispatch_due, forget_lost_dispatches
from tasks.jobs.lease import Unclaimed
from tasks.jobs.park import park
from tasks.jobs.status import read_status
from tests.integration.tasks.job_rows import (
    ELSEWHERE,
    HERE,
    SETTINGS,
    change,
    claimed,
    done,
    image_rows,
    job_row,
    outcome_rows,
    submitted,
)
from tests.support.memory_broker import MemoryBroker

DISPATCH = DispatchSettings(lost_after_seconds=60)
SOON = timedelta(seconds=30)


def publish(database: Database) -> int:
    return dispatch_due(database, MemoryBroker().publisher(), DISPATCH)


def come_due(database: Database, mine: Claim) -> None:
    change(database, mine.job_id, "not_before = now() - interval '1 millisecond'")


def test_a_parked_job_waits_unheld_with_its_attempt_counted(database: Database) -> None:
    job = submitted(database, "a")
    publish(database)
    mine = claimed(database, job.job_id)

    due = park(database, mine, [], seconds=120)

    assert abs(due - datetime.now(UTC) - timedelta(seconds=120)) < SOON
    row = job_row(database, job.job_id)
    assert (row.state, row.attempts, row.not_before) == (JobState.QUEUED, 1, due)
    assert (row.lease_owner, row.lease_expires_at, row.dispatched_at) == (None, None, None)
    status = read_status(database, job.job_id)
    assert status is not None
    assert status.is_parked


def test_what_was_made_is_kept_and_the_rest_waits(database: Database) -> None:
    job = submitted(database, "a", "b", sku="S-1")
    mine = claimed(database, job.job_id)

    park(database, mine, [done(mine.images[0], "x")], seconds=60)

    states = [ImageState.READY, ImageState.QUEUED]
    assert [row.state for row in outcome_rows(database, job.job_id)] == states
    assert [row.state for row in image_rows(database, job.product_id)] == states
    come_due(database, mine)
    again = claimed(database, job.job_id, owner=ELSEWHERE)
    assert [image.position for image in again.images] == [1]
    assert again.attempt == 2


def test_a_parked_job_is_published_when_due_and_not_before(database: Database) -> None:
    job = submitted(database, "a")
    publish(database)
    mine = claimed(database, job.job_id)
    park(database, mine, [], seconds=60)

    assert publish(database) == 0
    assert claim(database, job.job_id, owner=HERE, settings=SETTINGS) is Unclaimed.PARKED

    come_due(database, mine)
    assert publish(database) == 1
    assert publish(database) == 0


def test_a_parked_job_is_not_taken_for_a_lost_message(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    park(database, mine, [], seconds=3600)
    change(database, mine.job_id, "created_at = now() - interval '2 hours'")

    assert forget_lost_dispatches(database, DISPATCH) == 0
    assert publish(database) == 0


def test_a_job_that_is_parked_again_and_again_comes_to_an_end(database: Database) -> None:
    job_id = submitted(database, "a").job_id
    for _ in range(SETTINGS.max_attempts):
        mine = claimed(database, job_id)
        park(database, mine, [], seconds=60)
        come_due(database, mine)

    assert claim(database, job_id, owner=HERE, settings=SETTINGS) is Unclaimed.GAVE_UP


def test_a_job_is_given_up_as_partial_when_an_earlier_attempt_made_some_of_it(
    database: Database,
) -> None:
    job_id = submitted(database, "a", "b").job_id
    mine = claimed(database, job_id)
    park(database, mine, [done(mine.images[0], "x")], seconds=60)
    change(database, job_id, f"not_before = NULL, attempts = {SETTINGS.max_attempts}")

    assert claim(database, job_id, owner=HERE, settings=SETTINGS) is Unclaimed.GAVE_UP
    assert job_row(database, job_id).state is JobState.PARTIAL


def test_a_job_that_somebody_wants_cancelled_is_due_at_once(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    cancel(database, mine.job_id)

    park(database, mine, [], seconds=3600)

    assert publish(database) == 1
    assert claim(database, mine.job_id, owner=HERE, settings=SETTINGS) is Unclaimed.CANCELLED
