"""Attempts: why one ends, what is held meanwhile, and how a worker leaves."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from flows.runs.attempts import Attempt, Attempts, StopReason
from flows.runtime.leases import Leases
from flows.runtime.resources import WorkerResources
from tasks.jobs.claim import Claim
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import Task, fake_resources, open_breaker, play

OWNER = "worker-1"


def attempt_with(task: object | None) -> Attempt:
    attempt = Attempt(claim_of(1))
    attempt.task = task  # type: ignore[assignment]  # only its cancel() is called
    return attempt


@pytest.mark.parametrize("why", StopReason)
def test_ending_an_attempt_cancels_its_task(why: StopReason) -> None:
    task = Task()
    attempt = attempt_with(task)

    attempt.end(why)

    assert (attempt.halt, task.cancels) == (why, 1)


@pytest.mark.parametrize("second", [why for why in StopReason if why is not StopReason.LOST])
@pytest.mark.parametrize("first", StopReason)
def test_the_first_reason_counts(first: StopReason, second: StopReason) -> None:
    task = Task()
    attempt = attempt_with(task)

    attempt.end(first)
    attempt.end(second)

    assert (attempt.halt, task.cancels) == (first, 1)


@pytest.mark.parametrize("first", StopReason)
def test_a_lost_job_is_lost_whatever_was_wanted_before(first: StopReason) -> None:
    task = Task()
    attempt = attempt_with(task)

    attempt.end(first)
    attempt.end(StopReason.LOST)

    assert (attempt.halt, task.cancels) == (StopReason.LOST, 1)


def test_an_attempt_without_a_task_remembers_that_it_must_end() -> None:
    attempt = attempt_with(None)

    attempt.end(StopReason.CANCELLED)

    assert attempt.halt is StopReason.CANCELLED


@pytest.mark.parametrize("why", [why for why in StopReason if why is not StopReason.LEAVING])
def test_what_is_recorded_is_not_ended_any_more(why: StopReason) -> None:
    task = Task()
    attempt = attempt_with(task)
    attempt.recorded = True

    attempt.end(why)

    assert (attempt.halt, task.cancels) == (None, 0)


def test_a_worker_that_leaves_does_not_wait_for_what_is_recorded() -> None:
    task = Task()
    attempt = attempt_with(task)
    attempt.recorded = True

    attempt.end(StopReason.LEAVING)

    assert (attempt.halt, task.cancels) == (StopReason.LEAVING, 1)


@pytest.fixture
def resources() -> Iterator[WorkerResources]:
    with fake_resources() as opened:
        yield opened


@pytest.fixture
def attempts(resources: WorkerResources) -> Attempts:
    breaker = open_breaker()
    return Attempts(resources, OWNER, breaker, leases=Leases(resources, breaker))


def other_job() -> Claim:
    return replace(claim_of(1), job_id=uuid4())


def test_an_attempt_is_found_by_its_job_while_it_is_held(attempts: Attempts) -> None:
    with attempts.hold(claim_of(1)) as attempt:
        assert attempts.of(JOB_ID) is attempt
        assert attempts.of(uuid4()) is None
        assert not attempt.gone.is_set()

    assert attempts.of(JOB_ID) is None
    assert attempt.gone.is_set()


def test_an_attempt_that_raises_is_let_go(attempts: Attempts) -> None:
    with pytest.raises(LookupError), attempts.hold(claim_of(1)) as attempt:
        raise LookupError

    assert attempts.of(JOB_ID) is None
    assert attempt.gone.is_set()


def test_the_end_of_a_lost_attempt_does_not_let_go_of_the_next_one(attempts: Attempts) -> None:
    lost = attempts.hold(claim_of(1))
    lost.__enter__()
    with attempts.hold(replace(claim_of(1), fencing_token=2)) as attempt:
        lost.__exit__(None, None, None)

        assert attempts.of(JOB_ID) is attempt


async def held_until_ended(attempts: Attempts, claim: Claim, ends: list[StopReason | None]) -> None:
    """Work on a job for ever, until somebody ends it; note the reason."""
    with attempts.hold(claim) as attempt:
        attempt.task = asyncio.ensure_future(asyncio.Event().wait())
        await asyncio.wait([attempt.task])
        ends.append(attempt.halt)


def test_leaving_without_work_returns_at_once(attempts: Attempts) -> None:
    with capture_logs() as said:
        play(attempts.leave(60, 60))

    assert said == []


def test_work_that_ends_within_the_grace_is_not_disturbed(attempts: Attempts) -> None:
    async def scenario() -> tuple[bool, StopReason | None]:
        with attempts.hold(claim_of(1)) as attempt:
            leaving = asyncio.create_task(attempts.leave(60, 60))
            await asyncio.sleep(0)
            was_waiting = not leaving.done()
        await leaving
        return was_waiting, attempt.halt

    assert play(scenario()) == (True, None)


def test_work_that_needs_longer_than_the_grace_is_ended_for_leaving(attempts: Attempts) -> None:
    ends: list[StopReason | None] = []

    async def scenario() -> None:
        works = [
            asyncio.create_task(held_until_ended(attempts, claim, ends))
            for claim in (claim_of(1), other_job())
        ]
        await asyncio.sleep(0)
        await attempts.leave(0.01, 60)
        await asyncio.gather(*works)

    with capture_logs() as said:
        play(scenario())

    assert ends == [StopReason.LEAVING, StopReason.LEAVING]
    assert [(line["event"], line["jobs"]) for line in said] == [("giving back", 2)]


def test_work_that_does_not_end_is_left_behind_after_the_patience(attempts: Attempts) -> None:
    async def scenario() -> StopReason | None:
        with attempts.hold(claim_of(1)) as attempt:
            await attempts.leave(0.01, 0.01)
            return attempt.halt

    with capture_logs() as said:
        assert play(scenario()) is StopReason.LEAVING

    assert [line["event"] for line in said] == ["giving back", "left behind"]
    assert said[1]["job_id"] == str(JOB_ID)


def test_nobody_keeps_waiting_when_the_worker_has_left(attempts: Attempts) -> None:
    async def scenario() -> int:
        with attempts.hold(claim_of(1)):
            before = asyncio.all_tasks()
            await attempts.leave(0.01, 0.01)
            await asyncio.sleep(0)
            return len(asyncio.all_tasks() - before)

    assert play(scenario()) == 0
