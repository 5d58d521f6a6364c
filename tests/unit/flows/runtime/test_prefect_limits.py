"""What people allow in Prefect: limits send jobs through the pool, pauses close the intake."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from prefect.client.schemas.objects import WorkPool
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from structlog.testing import capture_logs

from flows.runtime import prefect_limits as module
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.prefect_limits import PrefectLimits
from infra.contract.states import Lane
from tests.unit.flows.support.fakes import (
    FakeMonitor,
    fake_resources,
    open_breaker,
    play,
    until,
)
from tests.unit.flows.support.server import POOL, Server, not_found


class Street:
    """Limits on a played server, looking again at every question."""

    def __init__(self, monitor: FakeMonitor) -> None:
        self.server = Server()
        self.monitor, self.breaker = monitor, monitor.breaker
        self.prefect_limits = PrefectLimits(
            self.server.client, POOL, breaker=self.breaker, monitor=monitor
        )

    def is_limited(self) -> bool:
        return play(self.prefect_limits.is_limited())


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Iterator[Street]:
    monkeypatch.setattr(module, "_FRESH_SECONDS", -1)
    with fake_resources() as resources:
        yield Street(FakeMonitor(resources, open_breaker()))


def limit_the_deployment(server: Server) -> None:
    server.deployment.global_concurrency_limit = GlobalConcurrencyLimitResponse.model_construct()


def limit_an_old_deployment(server: Server) -> None:
    server.deployment.concurrency_limit = 1


def limit_the_pool(server: Server) -> None:
    server.pool.concurrency_limit = 0


def limit_the_queue(server: Server) -> None:
    server.queue.concurrency_limit = 3


Change = Callable[[Server], None]


@pytest.mark.parametrize(
    "limit", [limit_the_deployment, limit_an_old_deployment, limit_the_pool, limit_the_queue]
)
def test_any_limit_sends_jobs_through_the_pool(street: Street, limit: Change) -> None:
    assert street.is_limited() is False

    limit(street.server)

    assert street.is_limited() is True
    assert street.breaker.is_admitting


def test_without_the_limit_jobs_run_directly_again_and_each_change_is_said_once(
    street: Street,
) -> None:
    street.server.pool.concurrency_limit = 2
    with capture_logs() as said:
        assert street.is_limited() is True
        assert street.is_limited() is True
        street.server.pool.concurrency_limit = None
        assert street.is_limited() is False
        assert street.is_limited() is False

    assert [line["event"] for line in said] == [
        "jobs go through the work pool",
        "chunks go through the work pool",
        "jobs run directly",
        "chunks run directly",
    ]


def test_a_limit_of_chunks_leaves_single_jobs_alone(street: Street) -> None:
    street.server.chunk_deployment.global_concurrency_limit = cast(Any, object())

    assert street.is_limited() is False
    assert play(street.prefect_limits.is_limited(Lane.BULK)) is True
    assert [street.prefect_limits.holds_slots(lane) for lane in Lane] == [False, True]


def test_a_deployment_without_a_queue_has_no_limit_from_one(street: Street) -> None:
    street.server.queue.concurrency_limit = 1
    street.server.deployment.work_queue_id = None

    assert street.is_limited() is False


def pause_the_deployment(server: Server) -> None:
    server.deployment.paused = True


def pause_the_deployment_of_chunks(server: Server) -> None:
    server.chunk_deployment.paused = True


def pause_the_pool(server: Server) -> None:
    server.pool.is_paused = True


def pause_the_queue(server: Server) -> None:
    server.queue.is_paused = True


@pytest.mark.parametrize(
    ("pause", "what"),
    [
        (pause_the_deployment, "the deployment"),
        (pause_the_deployment_of_chunks, "the deployment of chunks"),
        (pause_the_pool, "the work pool"),
        (pause_the_queue, "the work queue"),
    ],
)
def test_a_pause_closes_the_gate_and_says_what_is_paused(
    street: Street, pause: Change, what: str
) -> None:
    pause(street.server)

    with capture_logs() as said:
        assert street.is_limited() is False

    assert street.breaker.reasons == (PauseReason.PAUSED,)
    assert [line["detail"] for line in said] == [what]


def test_the_gate_stays_closed_until_nothing_is_paused_any_more(street: Street) -> None:
    pause_the_pool(street.server)
    pause_the_queue(street.server)
    street.is_limited()

    street.server.pool.is_paused = False
    street.is_limited()
    assert street.breaker.reasons == (PauseReason.PAUSED,)

    street.server.queue.is_paused = False
    street.is_limited()
    assert street.breaker.is_admitting


def test_missing_deployments_close_the_gate_until_they_are_there(street: Street) -> None:
    street.server.failure = not_found()
    with capture_logs() as said:
        street.is_limited()
        street.is_limited()
    assert street.breaker.reasons == (PauseReason.UNDEPLOYED,)
    assert [line["detail"] for line in said] == ["run `python -m flows.deploy`"]

    street.server.failure = None
    street.is_limited()
    assert street.breaker.is_admitting


def test_a_server_that_is_away_is_not_asked_and_the_last_answer_counts(street: Street) -> None:
    street.server.pool.concurrency_limit = 1
    street.is_limited()
    asked = len(street.server.looked_up)
    street.server.pool.concurrency_limit = None
    street.breaker.pause(PauseReason.PREFECT)

    assert street.is_limited() is True
    assert len(street.server.looked_up) == asked


def test_a_look_that_fails_has_prefect_asked(street: Street) -> None:
    street.server.failure = LookupError("a surprise")
    street.monitor.away.add(PauseReason.PREFECT)

    street.is_limited()

    assert PauseReason.PREFECT in street.breaker.reasons


def test_a_slow_look_holds_up_nobody_and_closes_nothing(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    street.server.pool.concurrency_limit = 1
    street.is_limited()
    client = street.server.client

    async def scenario() -> bool:
        answer = asyncio.Event()
        read = client.read_work_pool

        async def slowly(name: str) -> WorkPool:
            await answer.wait()
            return await read(name)

        monkeypatch.setattr(client, "read_work_pool", slowly)
        looking = asyncio.create_task(street.prefect_limits.is_limited())
        await asyncio.sleep(0)
        limited = await asyncio.wait_for(street.prefect_limits.is_limited(), 1)
        looking.cancel()
        await asyncio.wait([looking])
        return limited

    assert play(scenario()) is True
    assert street.breaker.is_admitting


def test_prefect_is_asked_without_a_job_only_while_the_intake_is_closed(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.001)
    street.is_limited()
    asked = len(street.server.looked_up)

    async def scenario() -> None:
        looking = asyncio.create_task(street.prefect_limits.run())
        await asyncio.sleep(0.05)
        assert len(street.server.looked_up) == asked

        pause_the_pool(street.server)
        await street.prefect_limits.is_limited()
        assert not street.breaker.is_admitting
        street.server.pool.is_paused = False
        await until(lambda: street.breaker.is_admitting, "the intake opens")
        looking.cancel()
        await asyncio.wait([looking])

    play(scenario())


def test_a_look_ends_when_prefect_goes_away_meanwhile(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STEP_SECONDS", 0.001)

    async def scenario() -> None:
        async def never(_: str) -> WorkPool:
            street.breaker.pause(PauseReason.PREFECT)
            await asyncio.Event().wait()
            raise AssertionError

        monkeypatch.setattr(street.server.client, "read_work_pool", never)
        await street.prefect_limits.is_limited()

    play(scenario())


def test_a_look_that_fails_changes_nothing_for_a_while(street: Street) -> None:
    street.server.pool.concurrency_limit = 1
    street.is_limited()
    street.server.failure = LookupError("a surprise")

    assert street.is_limited() is True
    assert street.breaker.is_admitting


def test_limits_that_stay_unread_close_the_gate_until_they_are_read(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STALE_SECONDS", -1)
    street.server.failure = LookupError("a surprise")
    with capture_logs() as said:
        street.is_limited()
        street.is_limited()
    assert street.breaker.reasons == (PauseReason.UNREADABLE,)
    assert [line["event"] for line in said] == ["worker pauses"]

    street.server.failure = None
    street.is_limited()
    assert street.breaker.is_admitting


def test_a_limit_that_was_never_read_is_not_taken_for_none(street: Street) -> None:
    street.server.failure = LookupError("a surprise")

    street.is_limited()

    assert street.breaker.reasons == (PauseReason.UNREADABLE,)


def test_what_was_read_a_moment_ago_is_not_read_again(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FRESH_SECONDS", 3600)

    street.is_limited()
    asked = len(street.server.looked_up)
    street.is_limited()

    assert len(street.server.looked_up) == asked > 0


def test_only_the_limit_of_a_deployment_is_held_by_runs(street: Street) -> None:
    limit_the_pool(street.server)
    street.is_limited()
    assert street.prefect_limits.holds_slots(Lane.INTERACTIVE) is False

    limit_the_deployment(street.server)
    street.is_limited()
    assert street.prefect_limits.holds_slots(Lane.INTERACTIVE) is True
