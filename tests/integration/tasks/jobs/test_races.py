"""Claim, cancel, record, retry and reclaim at the same moment: one wins and nothing is lost."""

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

import pytest

from infra.contract.errors import LostClaim, PermanentError, Rejected
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
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
    ELSEWHERE,
    SETTINGS,
    at_once,
    change,
    claimed,
    done,
    expire,
    failed,
    image_rows,
    job_row,
    outcome_rows,
    submitted,
)

ROUNDS = range(12)
CALLERS = 8


def together(*calls: Callable[[], object]) -> list[object]:
    """Make the calls at once; return what each returned or raised for good."""
    return at_once(partial(answer, call) for call in calls)


def answer(call: Callable[[], object]) -> object:
    try:
        return call()
    except PermanentError as exc:
        return exc


def fresh(database: Database) -> Iterator[UUID]:
    """Yield new jobs, one for each round."""
    for number in ROUNDS:
        yield submitted(database, f"a{number}").job_id


def takeover(database: Database, job_id: UUID) -> Claim | Unclaimed:
    return claim(database, job_id, owner=ELSEWHERE, settings=SETTINGS)


def test_a_cancel_is_never_lost_to_a_claim(database: Database) -> None:
    for job_id in fresh(database):
        taken, _ = together(partial(takeover, database, job_id), partial(cancel, database, job_id))

        row = job_row(database, job_id)
        assert row.cancel_requested_at is not None
        if isinstance(taken, Claim):
            assert row.state is JobState.RUNNING
        else:
            assert (taken, row.state) == (Unclaimed.FINAL, JobState.CANCELLED)


def test_a_late_record_and_a_cancel_exclude_each_other(database: Database) -> None:
    for job_id in fresh(database):
        mine = claimed(database, job_id)
        expire(database, job_id)

        recorded, cancelled = together(
            partial(record, database, mine, [done(mine.images[0], "x")]),
            partial(cancel, database, job_id),
        )

        won = recorded is JobState.READY
        assert won is isinstance(cancelled, Rejected)
        assert won is not isinstance(recorded, LostClaim)
        assert job_row(database, job_id).state is (JobState.READY if won else JobState.CANCELLED)
        (image,) = outcome_rows(database, job_id)
        assert image.state is (ImageState.READY if won else ImageState.FAILED)


def test_a_late_record_and_a_takeover_exclude_each_other(database: Database) -> None:
    for job_id in fresh(database):
        mine = claimed(database, job_id)
        expire(database, job_id)

        recorded, taken = together(
            partial(record, database, mine, [done(mine.images[0], "x")]),
            partial(takeover, database, job_id),
        )

        if recorded is JobState.READY:
            assert taken is Unclaimed.FINAL
        else:
            assert isinstance(recorded, LostClaim)
            assert isinstance(taken, Claim)
            assert outcome_rows(database, job_id)[0].state is ImageState.PROCESSING


@pytest.mark.parametrize(
    "other",
    [
        lambda database, mine: end_early(database, mine, [], ending=Ending.TIMED_OUT),
        lambda database, mine: park(database, mine, [], seconds=60),
        lambda database, mine: give_back(database, mine, counts=True) or LostClaim("", ""),
    ],
    ids=["conclude", "park", "give back"],
)
def test_one_claim_is_settled_once(
    database: Database, other: Callable[[Database, Claim], object]
) -> None:
    for job_id in fresh(database):
        mine = claimed(database, job_id)

        answers = together(
            partial(record, database, mine, [done(mine.images[0], "x")]),
            partial(other, database, mine),
        )

        assert sum(isinstance(each, LostClaim) for each in answers) == 1
        ready = job_row(database, job_id).state is JobState.READY
        assert ready is not isinstance(answers[0], LostClaim)


def test_a_job_is_cancelled_once_however_many_ask(database: Database) -> None:
    job_id = submitted(database, "a").job_id

    statuses = together(*[partial(cancel, database, job_id)] * CALLERS)

    assert len(set(statuses)) == 1
    assert job_row(database, job_id).state is JobState.CANCELLED


def test_a_job_is_retried_once_however_many_ask(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    record(database, mine, [failed(mine.images[0])])

    answers = together(*[partial(retry, database, mine.job_id)] * CALLERS)

    refusals = [each for each in answers if isinstance(each, Rejected)]
    assert {each.code for each in refusals} == {"job_not_final"}
    assert len(refusals) == CALLERS - 1
    row = job_row(database, mine.job_id)
    assert (row.state, row.round) == (JobState.QUEUED, 1)


def test_a_retry_and_a_cancel_take_turns(database: Database) -> None:
    for job_id in fresh(database):
        mine = claimed(database, job_id)
        record(database, mine, [failed(mine.images[0])])

        retried, cancelled = together(
            partial(retry, database, job_id), partial(cancel, database, job_id)
        )

        assert retried is None
        first = isinstance(cancelled, Rejected)  # the cancel came before the retry
        assert job_row(database, job_id).state is (JobState.QUEUED if first else JobState.CANCELLED)


def test_a_lost_job_is_taken_over_or_reclaimed(database: Database) -> None:
    for job_id in fresh(database):
        claimed(database, job_id)
        change(database, job_id, "lease_expires_at = now() - interval '1 minute'")

        taken, reclaimed = together(
            partial(takeover, database, job_id),
            partial(reclaim_lost, database, Job, grace_seconds=30),
        )

        assert isinstance(taken, Claim)
        assert reclaimed in ((), (job_id,))
        row = job_row(database, job_id)
        assert (row.state, row.fencing_token) == (JobState.RUNNING, taken.fencing_token)


def test_everything_at_once_on_one_product_waits_in_no_circle(database: Database) -> None:
    names = [f"p{n}" for n in range(8)]
    for number in ROUNDS:
        sku = f"S-{number}"
        jobs = [
            submitted(database, *order, sku=sku).job_id
            for order in (names, names[::-1])
            for _ in range(3)
        ]
        running = [claimed(database, job_id) for job_id in jobs[:3]]
        change(database, jobs[2], "lease_expires_at = now() - interval '1 minute'")
        cancel(database, jobs[3])

        answers = together(
            partial(record, database, running[0], [done(i, "x") for i in running[0].images]),
            partial(end_early, database, running[1], [], ending=Ending.TIMED_OUT),
            partial(reclaim_lost, database, Job, grace_seconds=30),
            partial(retry, database, jobs[3]),
            partial(takeover, database, jobs[4]),
            partial(cancel, database, jobs[5]),
            partial(submitted, database, *names[::-1], sku=sku),
        )

        assert not [each for each in answers if isinstance(each, Exception)]
        assert [job_row(database, job_id).state for job_id in jobs] == [
            JobState.READY,
            JobState.FAILED,
            JobState.QUEUED,
            JobState.QUEUED,
            JobState.RUNNING,
            JobState.CANCELLED,
        ]
        shown = image_rows(database, running[0].product_id)
        assert {row.state for row in shown} <= {
            ImageState.QUEUED,
            ImageState.PROCESSING,
            ImageState.READY,
        }
