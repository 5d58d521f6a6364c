"""Health: what is away closes the intake, what is only slow does not, and what answers opens it."""

import asyncio
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest
from httpx import Request, Response

from flows.runtime import dependency_monitor as module
from flows.runtime.adaptive_limit import AdaptiveLimit
from flows.runtime.circuit_breaker import CircuitBreaker, PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor
from flows.runtime.resources import WorkerResources
from infra.contract.errors import ErrorCode, ServiceUnavailable
from tests.unit.flows.support.fakes import fake_resources, open_breaker, play, until

API = "http://prefect.example/api"
REFUSED = ServiceUnavailable(ErrorCode.PREFECT_UNAVAILABLE, "Nothing listens there.")
TIMED_OUT = ServiceUnavailable(
    ErrorCode.PREFECT_UNAVAILABLE, "It took too long.", inconclusive=True
)


class Answers:
    """What a part says to its probes, in this order; the last one for ever."""

    def __init__(self) -> None:
        self.said: list[ServiceUnavailable | None] = [None]
        self.probes = 0
        self.alive = True

    def probe(self, *_: Any, **__: Any) -> None:
        self.probes += 1
        answer = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if answer is not None:
            raise answer

    def sign(self, *_: Any, **__: Any) -> None:
        if not self.alive:
            raise TIMED_OUT


class Clinic:
    """Health with a played Prefect, PostgreSQL and store."""

    def __init__(self, resources: WorkerResources, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prefect, self.database = Answers(), Answers()
        self.store, self.writes = Answers(), Answers()
        self.breaker, self.start_limit = open_breaker(), AdaptiveLimit(8)
        monkeypatch.setattr(module, "probe_prefect", self.prefect.probe)
        monkeypatch.setattr(module, "probe_prefect_process", self.prefect.sign)
        monkeypatch.setattr(resources.database, "probe", self.database.probe)
        monkeypatch.setattr(resources.store, "probe", self.store.probe)
        monkeypatch.setattr(resources.store, "probe_writes", self.writes.probe)
        self.resources = resources
        self.monitor = DependencyMonitor(resources, self.breaker, [self.start_limit])

    async def until(self, look: Callable[[], object], what: str) -> None:
        """Keep watching until `look` is true."""
        watching = asyncio.create_task(self.monitor.run())
        try:
            await until(look, what)
        finally:
            watching.cancel()
            await asyncio.wait([watching])

    async def turns(self, count: int) -> None:
        """Watch for some turns."""
        seen: list[None] = []
        await self.until(lambda: seen.append(None) or len(seen) > count, "some turns")


@pytest.fixture
def clinic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    """Everything is a hundred to a thousand times faster than in life."""
    for name in ("_TURN_SECONDS", "_QUIET_SECONDS", "_ASK_SECONDS", "_FAILING_SECONDS"):
        monkeypatch.setattr(module, name, getattr(module, name) / 1000)
    monkeypatch.setattr(module, "_LIFELESS_SECONDS", 0.05)
    monkeypatch.setattr(module, "_USELESS_SECONDS", 0.2)
    with fake_resources() as resources:
        yield Clinic(resources, monkeypatch)


def test_parts_that_answer_keep_the_gate_open(clinic: Clinic) -> None:
    play(clinic.turns(20))

    assert clinic.breaker.is_admitting
    assert clinic.writes.probes == 0


def test_a_refused_connection_closes_the_gate_at_once(clinic: Clinic) -> None:
    clinic.prefect.said = [REFUSED]

    play(clinic.monitor.suspect(PauseReason.PREFECT))

    assert clinic.breaker.reasons == (PauseReason.PREFECT,)


def test_a_suspect_that_answers_or_is_slow_closes_nothing(clinic: Clinic) -> None:
    play(clinic.monitor.suspect(PauseReason.PREFECT))
    clinic.prefect.said = [TIMED_OUT]
    play(clinic.monitor.suspect(PauseReason.PREFECT))

    assert clinic.breaker.is_admitting


def test_probes_that_time_out_close_nothing_while_calls_of_work_succeed(clinic: Clinic) -> None:
    clinic.prefect.said = [TIMED_OUT]
    clinic.prefect.alive = False

    async def scenario() -> None:
        end = monotonic() + 0.4
        request = Request("GET", API)

        async def work() -> None:
            while monotonic() < end:
                await clinic.monitor.note_response(Response(200, request=request))
                await asyncio.sleep(0)

        working = asyncio.create_task(work())
        await clinic.until(working.done, "the end of work")

    play(scenario())
    assert clinic.breaker.is_admitting


def test_answers_with_a_server_error_are_no_success(clinic: Clinic) -> None:
    clinic.prefect.said = [TIMED_OUT]

    async def scenario() -> None:
        request = Request("GET", API)
        for _ in range(3):
            await clinic.monitor.note_response(Response(503, request=request))
        await clinic.until(lambda: PauseReason.PREFECT in clinic.breaker.reasons, "a closed intake")

    play(scenario())


def test_a_frozen_part_closes_the_gate_after_several_probes_and_an_answer_opens_it(
    clinic: Clinic,
) -> None:
    answer = asyncio.Event()

    async def scenario() -> None:
        async def hang(part: Any, question: Any) -> ServiceUnavailable | None:
            if part.reason is PauseReason.PREFECT:
                await answer.wait()
            return None

        clinic.monitor._call = hang  # type: ignore[method-assign]  # a part that hangs
        await clinic.until(lambda: not clinic.breaker.is_admitting, "a closed intake")
        assert clinic.breaker.reasons == (PauseReason.PREFECT,)
        answer.set()
        await clinic.until(lambda: clinic.breaker.is_admitting, "an open intake")

    play(scenario())


def test_a_process_that_stood_still_takes_its_turns_before_it_calls_a_part_silent() -> None:
    heard_at = monotonic() - 100
    silence = module._Silence(seconds=8, turns=5, _heard_at=heard_at)

    assert [silence.too_long(heard_at, asked=True) for _ in range(5)] == [False] * 4 + [True]
    assert not silence.too_long(monotonic(), asked=True)


def test_a_live_process_that_does_no_work_is_away_too(clinic: Clinic) -> None:
    clinic.prefect.said = [TIMED_OUT]

    play(clinic.until(lambda: PauseReason.PREFECT in clinic.breaker.reasons, "a closed intake"))


def test_a_store_that_answers_but_refuses_writes_closes_the_gate_until_it_takes_one(
    clinic: Clinic,
) -> None:
    full = ServiceUnavailable(ErrorCode.STORE_UNAVAILABLE, "It is full.", inconclusive=True)
    clinic.writes.said = [full]
    clinic.breaker.note(full)

    async def scenario() -> None:
        await clinic.until(lambda: clinic.breaker.reasons, "a closed intake")
        assert clinic.breaker.reasons == (PauseReason.STORE,)
        clinic.writes.said = [None]
        await clinic.until(lambda: clinic.breaker.is_admitting, "an open intake")

    play(scenario())


def test_a_slow_answer_lowers_the_pace_and_closes_nothing(clinic: Clinic) -> None:
    async def scenario() -> None:
        request = Request("GET", API)
        await clinic.monitor.note_request(request)
        request.extensions[module._ASKED_AT] -= 6
        await clinic.monitor.note_response(Response(200, request=request))
        await clinic.until(lambda: clinic.start_limit.allowed == 4, "half of the slots")

    play(scenario())
    assert clinic.breaker.is_admitting


@pytest.mark.parametrize(
    "reason", [PauseReason.PAUSED, PauseReason.UNDEPLOYED, PauseReason.LEAVING]
)
def test_an_obstacle_that_no_probe_can_remove_stays(clinic: Clinic, reason: PauseReason) -> None:
    breaker: CircuitBreaker = clinic.breaker
    breaker.pause(reason)
    breaker.pause(PauseReason.PREFECT)

    play(clinic.until(lambda: PauseReason.PREFECT not in breaker.reasons, "Prefect's answer"))

    assert breaker.reasons == (reason,)
