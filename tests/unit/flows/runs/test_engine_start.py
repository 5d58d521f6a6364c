"""A run cancelled while Prefect's engine begins it: let begin, never made to look crashed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from prefect import State
from prefect.client.schemas.objects import FlowRun
from prefect.states import Cancelled, Cancelling, Pending

from flows.execution import chunk_executor, executor, job_executor
from flows.execution.chunk_executor import ChunkExecutor
from flows.execution.chunk_jobs import ChunkJobs
from flows.execution.job_executor import JobExecutor
from flows.runs import engine_start as module
from flows.runs.attempts import Attempt, ChunkAttempt, StopReason
from flows.runs.engine_start import EngineStart
from flows.runtime.resources import WorkerResources
from infra.contract.states import BatchKind, JobState
from infra.db.engine import Database
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Claim
from tasks.jobs.end_early import Ending
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import (
    AWAY,
    FakeContext,
    FakeMonitor,
    Task,
    fake_resources,
    play,
    status_of,
    until,
)
from tests.unit.flows.support.server import Server, run_in

CHUNK = ChunkClaim(
    chunk_id=UUID(int=7),
    batch_id=UUID(int=8),
    batch_kind=BatchKind.IMPORT,
    batch_name="spring.csv",
    fencing_token=1,
    attempt=1,
    flow_run_id=None,
    job_ids=(JOB_ID,),
)
ATTEMPTS: list[Callable[[], Any]] = [lambda: Attempt(claim_of(1)), lambda: ChunkAttempt(CHUNK)]
ANY_ATTEMPT = pytest.mark.parametrize("make", ATTEMPTS, ids=["job", "chunk"])
STOPPED = pytest.mark.parametrize(
    "state", [Cancelling(), Cancelled()], ids=["cancelling", "cancelled"]
)


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.01)


@ANY_ATTEMPT
def test_a_cancelled_run_has_a_moment_to_begin_and_is_cut_off_once_when_it_does_not(
    make: Callable[[], Any],
) -> None:
    async def scenario() -> tuple[int, int]:
        attempt, task = make(), Task()
        attempt.task = task
        with attempt.beginning.awaited():
            attempt.end(StopReason.CANCELLED)
            attempt.end(StopReason.CANCELLED)
            at_once = task.cancels
            await until(lambda: task.cancels, "the run is cut off")
            await asyncio.sleep(0.03)
        return at_once, task.cancels

    assert play(scenario()) == (0, 1)


@ANY_ATTEMPT
def test_a_cancelled_run_that_begins_in_time_is_not_cut_off(make: Callable[[], Any]) -> None:
    async def scenario() -> int:
        attempt, task = make(), Task()
        attempt.task = task
        with attempt.beginning.awaited():
            attempt.end(StopReason.CANCELLED)
            attempt.beginning.over()
            await asyncio.sleep(0.03)
        return task.cancels

    assert play(scenario()) == 0


@ANY_ATTEMPT
def test_a_run_that_has_ended_before_its_flow_began_is_not_cut_off(
    make: Callable[[], Any],
) -> None:
    async def scenario() -> int:
        attempt, task = make(), Task()
        attempt.task = task
        with attempt.beginning.awaited():
            attempt.end(StopReason.CANCELLED)
        await asyncio.sleep(0.03)
        return task.cancels

    assert play(scenario()) == 0


@ANY_ATTEMPT
@pytest.mark.parametrize("why", [StopReason.LOST, StopReason.LEAVING])
def test_who_must_not_or_cannot_wait_is_cut_off_at_once(
    make: Callable[[], Any], why: StopReason
) -> None:
    attempt, task = make(), Task()
    attempt.task = task

    with attempt.beginning.awaited():
        attempt.end(why)

        assert task.cancels == 1


def test_a_flow_that_has_its_turn_sees_that_it_must_end() -> None:
    attempt = Attempt(claim_of(1))
    attempt.begin()

    attempt.end(StopReason.CANCELLED)

    with pytest.raises(asyncio.CancelledError):
        attempt.begin()


def test_a_chunk_whose_flow_has_its_turn_ends_by_itself() -> None:
    attempt, task = ChunkAttempt(CHUNK), Task()
    attempt.task = task  # type: ignore[assignment]  # only its cancel() is called
    attempt.begin()

    attempt.end(StopReason.CANCELLED)

    assert (attempt.halt, task.cancels) == (StopReason.CANCELLED, 0)


def test_jobs_of_a_cancelled_chunk_do_not_wait_for_slots_that_others_hold(
    resources: WorkerResources,
) -> None:
    async def scenario() -> bool:
        while not resources.bulk_slots.locked():
            await resources.bulk_slots.acquire()
        attempt, context = ChunkAttempt(CHUNK), FakeContext(resources)
        work = ChunkJobs(
            context, JobExecutor(context, FakeMonitor(resources, context.breaker)), attempt
        )
        doing = asyncio.create_task(work.do_all(never))
        await asyncio.sleep(0.01)
        attempt.end(StopReason.CANCELLED)
        await doing
        return work.is_interrupted

    async def never(_: Attempt) -> State[Any]:
        raise AssertionError("no job may begin")

    assert play(scenario()) is False


def test_nothing_is_waited_for_outside_a_run_s_beginning() -> None:
    beginning, task = EngineStart(), Task()

    beginning.cancel(task, at_once=False)  # type: ignore[arg-type]  # only its cancel() is called

    assert task.cancels == 1


@pytest.fixture
def resources() -> Iterator[WorkerResources]:
    with fake_resources() as found:
        yield found


class Office:
    """PostgreSQL's part for a job or chunk, and an engine that finds its run stopped."""

    def __init__(self, state: State[Any]) -> None:
        self.state = state
        self.ours = True
        self.away = False
        self.concluded: list[Ending] = []
        self.finished: list[ChunkClaim] = []

    async def engine(self, *_: object) -> State[Any]:
        return self.state

    def link(self, *_: object) -> None:
        pass

    def end_early(self, _: Database, claim: Claim, results: object, *, ending: Ending) -> JobState:
        self.concluded.append(ending)
        return JobState.CANCELLED

    def finish_chunk(self, _: Database, claim: ChunkClaim) -> Counter[JobState] | None:
        if self.away:
            raise AWAY
        self.finished.append(claim)
        return Counter() if self.ours else None


@STOPPED
def test_a_job_whose_run_was_stopped_before_its_flow_began_is_cancelled_at_once(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch, state: State[Any]
) -> None:
    pool_office, run = Office(state), run_in(Pending())
    monkeypatch.setattr(executor, "run_flow_here", pool_office.engine)
    monkeypatch.setattr(executor, "link_flow_run", pool_office.link)
    monkeypatch.setattr(job_executor, "end_early", pool_office.end_early)
    server = Server(run)
    context = FakeContext(resources, server)
    context.stands = [replace(status_of(JobState.CANCELLED), flow_run_id=run.id)]
    attempt = Attempt(claim_of(1))

    jobs = JobExecutor(context, FakeMonitor(resources, context.breaker))
    returned = play(jobs.work(attempt, run))

    assert (returned, attempt.recorded) == (False, True)
    assert pool_office.concluded == [Ending.CANCELLED]
    assert [shown.name for _, shown, _ in server.set] == ["Cancelled"]


def chunk_worked(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch, pool_office: Office, run: FlowRun
) -> tuple[bool, Server]:
    """Work on a chunk whose run was stopped; return whether it must go back, and the server."""
    monkeypatch.setattr(executor, "run_flow_here", pool_office.engine)
    monkeypatch.setattr(executor, "link_flow_run", pool_office.link)
    monkeypatch.setattr(chunk_executor, "finish_chunk", pool_office.finish_chunk)
    server = Server(run)
    context = FakeContext(resources, server)
    monitor = FakeMonitor(resources, context.breaker)
    chunks = ChunkExecutor(context, monitor, JobExecutor(context, monitor))
    return play(chunks.work(ChunkAttempt(CHUNK), run, republish=True)), server


@STOPPED
def test_a_chunk_whose_run_was_stopped_before_its_flow_began_lets_its_jobs_go(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch, state: State[Any]
) -> None:
    pool_office, run = Office(state), run_in(Cancelling())

    returned, server = chunk_worked(resources, monkeypatch, pool_office, run)

    assert (returned, pool_office.finished) == (False, [CHUNK])
    assert [shown.name for _, shown, _ in server.set] == ["Cancelled"]


@STOPPED
def test_a_chunk_that_could_not_be_ended_goes_back_as_a_polled_one_should(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch, state: State[Any]
) -> None:
    given: list[bool] = []

    def give_back(*_: object, counts: bool, republish: bool) -> bool:
        given.append(republish)
        return True

    pool_office, run = Office(state), run_in(Cancelling())
    pool_office.away = True
    monkeypatch.setattr(executor, "give_back", give_back)

    returned, server = chunk_worked(resources, monkeypatch, pool_office, run)

    assert (returned, given, server.set) == (True, [True], [])


def test_the_run_of_a_chunk_that_another_attempt_has_by_now_is_left_alone(
    resources: WorkerResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool_office, run = Office(Cancelling()), run_in(Cancelling())
    pool_office.ours = False

    returned, server = chunk_worked(resources, monkeypatch, pool_office, run)

    assert (returned, server.set) == (False, [])
