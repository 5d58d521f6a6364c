"""Where a job stands is told by PostgreSQL's clock."""

from uuid import UUID, uuid4

import pytest

from infra.contract.states import JobState
from infra.db.engine import Database
from tasks.jobs.cancel import cancel
from tasks.jobs.lease import link_flow_run
from tasks.jobs.park import park
from tasks.jobs.record import record
from tasks.jobs.retry import retry
from tasks.jobs.status import (
    ImageCounts,
    JobStatus,
    job_of_flow_run,
    read_status,
    recently_cancelled,
    statuses_by_flow_run,
)
from tests.integration.tasks.job_rows import (
    HERE,
    change,
    claimed,
    done,
    expire,
    failed,
    finished,
    job_row,
    submitted,
)


def status(database: Database, job_id: UUID) -> JobStatus:
    found = read_status(database, job_id)
    assert found is not None
    return found


def run_of(database: Database, job_id: UUID) -> UUID:
    """Claim the job for a flow run and return the run's id."""
    flow_run_id = uuid4()
    link_flow_run(database, claimed(database, job_id), flow_run_id)
    return flow_run_id


def test_a_queued_job_is_neither_held_nor_parked(database: Database) -> None:
    job_id = submitted(database, "a").job_id

    assert status(database, job_id) == JobStatus(
        job_id=job_id,
        state=JobState.QUEUED,
        round=0,
        flow_run_id=None,
        lease_owner=None,
        lease_is_live=False,
        parked_until=None,
        cancel_requested=False,
        finished_at=None,
        images=ImageCounts(total=1),
    )


def test_images_are_counted_over_the_whole_job_and_those_made_in_its_round(
    database: Database,
) -> None:
    job_id = submitted(database, "a", "b", "c").job_id
    first = claimed(database, job_id)
    a, b, c = first.images
    record(database, first, [done(a, "a"), failed(b), failed(c)])
    after_first = status(database, job_id).images

    retry(database, job_id)
    second = claimed(database, job_id)
    record(database, second, [failed(b), failed(c)])
    after_second = status(database, job_id).images

    retry(database, job_id)
    third = claimed(database, job_id)
    park(database, third, [done(b, "b")], seconds=0)
    record(database, claimed(database, job_id), [failed(c)])

    assert after_first == ImageCounts(total=3, ready=1, made=1)
    assert after_second == ImageCounts(total=3, ready=1, made=0)
    assert status(database, job_id).images == ImageCounts(total=3, ready=2, made=1)


def test_a_held_job_has_a_live_lease_until_it_expires(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    held = status(database, mine.job_id)
    expire(database, mine.job_id)
    lost = status(database, mine.job_id)

    assert (held.state, held.lease_owner, held.lease_is_live) == (JobState.RUNNING, HERE, True)
    assert (lost.state, lost.lease_owner, lost.lease_is_live) == (JobState.RUNNING, HERE, False)


@pytest.mark.parametrize(
    ("time", "parked"), [("now() + interval '1 hour'", True), ("now()", False)]
)
def test_a_job_is_parked_until_its_time(database: Database, time: str, *, parked: bool) -> None:
    job_id = submitted(database, "a").job_id
    change(database, job_id, f"not_before = {time}")

    assert status(database, job_id).is_parked is parked


def test_a_running_job_is_not_parked_by_the_time_that_it_waited_for(database: Database) -> None:
    mine = claimed(database, submitted(database, "a").job_id)
    change(database, mine.job_id, "not_before = now() + interval '1 hour'")

    assert not status(database, mine.job_id).is_parked


def test_a_final_job_tells_when_it_ended(database: Database) -> None:
    job_id = finished(database, "a").job_id

    ended = status(database, job_id)

    assert (ended.state, ended.lease_owner) == (JobState.READY, None)
    assert ended.finished_at == job_row(database, job_id).finished_at is not None


def test_an_unknown_job_stands_nowhere(database: Database) -> None:
    assert read_status(database, uuid4()) is None


def test_jobs_are_found_by_their_flow_runs(database: Database) -> None:
    jobs = [submitted(database, name).job_id for name in ("a", "b", "c")]
    first, second, _ = (run_of(database, job_id) for job_id in jobs)

    found = statuses_by_flow_run(database, [first, second, uuid4()])

    assert found == {first: status(database, jobs[0]), second: status(database, jobs[1])}
    assert statuses_by_flow_run(database, []) == {}
    assert job_of_flow_run(database, second) == jobs[1]
    assert job_of_flow_run(database, uuid4()) is None


def test_jobs_that_were_cancelled_lately_are_told_when_a_run_shows_them(
    database: Database,
) -> None:
    lately, long_ago, ready, without_run = (
        submitted(database, name).job_id for name in ("a", "b", "c", "d")
    )
    for job_id in (lately, long_ago, ready):
        run_of(database, job_id)
        expire(database, job_id)
    for job_id in (lately, long_ago, without_run):
        cancel(database, job_id)
    change(database, long_ago, "finished_at = now() - interval '2 minutes'")

    assert [each.job_id for each in recently_cancelled(database, 60)] == [lately]
    assert {each.job_id for each in recently_cancelled(database, 180)} == {lately, long_ago}
