"""Events of Prefect: a cancel waits for nothing, and polls are made once for many events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.states import Pending, Scheduled

from flows.control import events as listening
from flows.control.events import CANCELLED, SCHEDULED, listen
from flows.control.prefect_cancellation import Cancellation
from flows.pool import polling
from flows.pool.polling import Polling, ScheduledRuns
from flows.pool.worker_type import PoolWorker
from flows.runs.flow_run_client import FlowRunClient
from tests.unit.flows.support.fakes import play, until
from tests.unit.flows.support.server import POOL, Server, run_in

BATCHES = f"{POOL}-batches"


class Slow(Cancellation):
    """Cancels runs, which takes until it is let go."""

    def __init__(self) -> None:
        super().__init__(cast(Any, None), cast(Any, None), cast(Any, None))
        self.begun: list[UUID] = []
        self.let_go = asyncio.Event()

    async def try_to_cancel(self, flow_run_id: UUID) -> None:
        self.begun.append(flow_run_id)
        await self.let_go.wait()


class Worker:
    """A pool worker whose looks take until they are let go."""

    def __init__(self) -> None:
        self.looks = 0
        self.is_setup = True
        self.lost_turn = False
        self.let_go = asyncio.Event()

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        self.looks += 1
        await self.let_go.wait()
        return []


def polling_with(worker: Worker) -> Polling:
    made = Polling(POOL, "worker-1", 1)
    made._worker = cast(PoolWorker, worker)
    return made


class Runs(FlowRunClient):
    """Knows in which pools runs wait; asked how often."""

    def __init__(self, pools: set[str] | Exception) -> None:
        self.pools, self.asked = pools, 0

    async def pools_of_waiting(self, flow_run_ids: Any) -> set[str]:
        self.asked += 1
        if isinstance(self.pools, Exception):
            raise self.pools
        return self.pools


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "_SPREAD_SECONDS", 0)


def test_a_cancel_begins_while_the_poll_for_an_earlier_event_is_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = uuid4()
    answer_of = [(SCHEDULED[0], uuid4()), (SCHEDULED[0], uuid4()), (CANCELLED[0], run_id)]

    @asynccontextmanager
    async def subscriber(filter: object) -> AsyncIterator[AsyncIterator[Any]]:  # noqa: A002 - Prefect's name
        async def events() -> AsyncIterator[Any]:
            for event, flow_run_id in answer_of:
                resource = SimpleNamespace(id=f"prefect.flow-run.{flow_run_id}")
                yield SimpleNamespace(event=event, resource=resource)
                await asyncio.sleep(0.01)
            await asyncio.Event().wait()

        yield events()

    monkeypatch.setattr(listening, "get_events_subscriber", subscriber)

    async def scenario() -> None:
        cancelling, worker = Slow(), Worker()
        pool = polling_with(worker)
        scheduled = ScheduledRuns(Runs({POOL}), {POOL: pool})
        event_handlers = {
            **dict.fromkeys(CANCELLED, cancelling.hear),
            **dict.fromkeys(SCHEDULED, scheduled.hear),
        }
        duties = [
            asyncio.create_task(listen(event_handlers)),
            asyncio.create_task(scheduled.run()),
            asyncio.create_task(pool.look_when_woken()),
        ]
        await until(lambda: cancelling.begun == [run_id] and worker.looks == 1, "both begin")
        for duty in duties:
            duty.cancel()
        await asyncio.wait(duties)

    play(scenario())


def test_one_cancel_does_not_wait_for_another_and_an_event_that_comes_twice_is_one() -> None:
    first, second = uuid4(), uuid4()

    async def scenario() -> list[UUID]:
        cancelling = Slow()
        for flow_run_id in (first, first, second):
            cancelling.hear(flow_run_id)
        await until(lambda: len(cancelling.begun) == 2, "both begin")
        cancelling.hear(first)  # it may have been retried, and cancelled again
        await until(lambda: len(cancelling.begun) == 3, "another look")
        cancelling.let_go.set()
        return cancelling.begun

    assert play(scenario()) == [first, second, first]


def test_many_wishes_for_a_look_at_the_pool_are_one_more_look() -> None:
    async def scenario() -> int:
        worker = Worker()
        pool = polling_with(worker)
        looking = asyncio.create_task(pool.look_when_woken())
        pool.wake()
        await until(lambda: worker.looks == 1, "the first look")
        for _ in range(50):
            pool.wake()
            await asyncio.sleep(0)
        worker.let_go.set()
        await until(lambda: worker.looks == 2, "one more")
        for _ in range(20):
            await asyncio.sleep(0)
        looking.cancel()
        return worker.looks

    assert play(scenario()) == 2


def test_a_lost_turn_is_made_up_for() -> None:
    async def scenario() -> None:
        worker = Worker()
        worker.let_go.set()
        worker.lost_turn = True
        pool = polling_with(worker)
        looking = asyncio.create_task(pool.look_when_woken())
        pool.wake()
        await until(lambda: worker.looks >= 2, "another look")
        looking.cancel()

    play(scenario())


def woken_by(runs: Runs, *, events: int) -> dict[str, bool]:
    """Return which pools are woken after so many runs were scheduled."""

    async def scenario() -> dict[str, bool]:
        pools = {name: Polling(name, "worker-1", 1) for name in (POOL, BATCHES)}
        scheduled = ScheduledRuns(runs, pools)
        hearing = asyncio.create_task(scheduled.run())
        for _ in range(events):
            scheduled.hear(uuid4())
        await until(lambda: not scheduled._heard, "all is heard")
        for _ in range(5):
            await asyncio.sleep(0.001)
        hearing.cancel()
        return {name: pool._wanted.is_set() for name, pool in pools.items()}

    return play(scenario())


@pytest.mark.parametrize(
    ("pools", "woken"),
    [
        (set[str](), {POOL: False, BATCHES: False}),
        ({POOL, "of-somebody-else"}, {POOL: True, BATCHES: False}),
        (OSError("Prefect is away"), {POOL: True, BATCHES: True}),
    ],
)
def test_pools_are_looked_at_in_which_a_run_still_waits_and_many_events_are_one_question(
    pools: set[str] | Exception, woken: dict[str, bool]
) -> None:
    runs = Runs(pools)

    assert woken_by(runs, events=30) == woken
    assert runs.asked == 1


class Shelf(Server):
    """Returns the runs that are asked for by their ids and states."""

    async def read_flow_runs(self, *, flow_run_filter: FlowRunFilter) -> list[FlowRun]:
        asked = flow_run_filter.model_dump(exclude_none=True)
        ids: Sequence[UUID] = asked["id"]["any_"]
        states = asked["state"]["type"]["any_"]
        return [r for r in self.runs.values() if r.id in ids and r.state and r.state.type in states]


def test_a_run_waits_while_it_is_scheduled_and_due() -> None:
    def run(state: Any, pool: str) -> FlowRun:
        due = state.state_details.scheduled_time
        return run_in(state).model_copy(
            update={"work_pool_name": pool, "next_scheduled_start_time": due}
        )

    waiting = run(Scheduled(), POOL)
    taken = run(Pending(), "taken")
    later = run(Scheduled(scheduled_time=waiting.created.replace(year=2100)), "later")  # type: ignore[union-attr]  # it has one
    server = Shelf(waiting, taken, later)

    ids = [waiting.id, taken.id, later.id]

    assert play(server.flow_runs.pools_of_waiting(ids)) == {POOL}
