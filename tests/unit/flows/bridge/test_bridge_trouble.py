"""The bridge in trouble: a closed intake, limits, outages, surprises, and the worker's end."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from flows.bridge import consumer as module
from flows.runtime.circuit_breaker import PauseReason
from infra.broker.broker import Disposition
from tasks.jobs.lease import Unclaimed
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import AWAY, Letter, fake_resources, play, until
from tests.unit.flows.support.scene import Scene

CLAIM = claim_of(1)
SURPRISE = LookupError("a surprise")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(module, "_OUTAGE_WAIT_SECONDS", 0)
    monkeypatch.setattr(module, "_SURPRISE_WAIT_SECONDS", 0)
    with fake_resources() as resources:
        yield Scene(resources)


def test_a_delivery_that_meets_a_closed_gate_goes_back_unclaimed(scene: Scene) -> None:
    scene.context.answers = [CLAIM]
    scene.context.breaker.pause(PauseReason.STORE)

    assert scene.handle(Letter()) == [Disposition.REQUEUE]
    assert scene.context.claims == 0


def test_a_delivery_that_waits_for_its_job_goes_back_when_the_gate_closes(scene: Scene) -> None:
    scene.context.answers = [Unclaimed.HELD_ELSEWHERE]
    letter = Letter(redelivered=True)

    async def scenario() -> None:
        serving = asyncio.create_task(scene.bridge.handle(letter.delivery))
        await until(lambda: scene.context.claims >= 2, "a second look")
        scene.context.breaker.pause(PauseReason.DATABASE)
        await serving

    play(scenario())
    assert letter.verdicts == [Disposition.REQUEUE]


@pytest.mark.parametrize("end", [Unclaimed.FINAL, Unclaimed.PARKED, Unclaimed.ABSENT])
def test_under_a_limit_the_pool_carries_the_job_to_its_end(scene: Scene, end: Unclaimed) -> None:
    scene.road.limits = [True]
    scene.pool.end = end

    assert scene.handle(Letter(redelivered=True)) == [Disposition.ACK]
    assert scene.pool.carried == [JOB_ID]
    assert scene.context.claims == 0


def test_a_job_is_claimed_here_once_the_limit_is_lifted(scene: Scene) -> None:
    scene.road.limits = [True]
    scene.pool.end = None
    scene.context.answers = [CLAIM]

    assert scene.handle(Letter()) == [Disposition.ACK]
    assert scene.pool.carried == [JOB_ID]
    assert len(scene.executor.worked) == 1


def test_an_outage_while_claiming_closes_the_gate_and_sends_the_delivery_back(
    scene: Scene,
) -> None:
    scene.context.answers = [AWAY]

    assert scene.handle(Letter()) == [Disposition.REQUEUE]
    assert scene.context.breaker.reasons == (PauseReason.DATABASE,)


def test_an_outage_while_looking_where_the_job_stands_sends_the_delivery_back(
    scene: Scene,
) -> None:
    scene.context.answers = [Unclaimed.FINAL]
    scene.context.stands = [AWAY]

    assert scene.handle(Letter()) == [Disposition.REQUEUE]


def surprise_at_claim(scene: Scene) -> None:
    scene.context.answers = [SURPRISE]


def surprise_at_limits(scene: Scene) -> None:
    scene.road.limits = [SURPRISE]


def surprise_at_work(scene: Scene) -> None:
    scene.context.answers = [CLAIM]
    scene.executor.returned = SURPRISE


def surprise_at_standing(scene: Scene) -> None:
    scene.context.answers = [Unclaimed.FINAL]
    scene.context.stands = [SURPRISE]


@pytest.mark.parametrize(
    "arrange", [surprise_at_claim, surprise_at_limits, surprise_at_work, surprise_at_standing]
)
def test_a_surprise_is_logged_and_the_delivery_goes_back_once(
    scene: Scene, arrange: Callable[[Scene], None]
) -> None:
    arrange(scene)

    with capture_logs() as said:
        assert scene.handle(Letter()) == [Disposition.REQUEUE]
    failures = [line for line in said if line["log_level"] == "error"]
    assert [(line["event"], line["job_id"]) for line in failures] == [
        ("delivery not served", str(JOB_ID))
    ]
    assert scene.context.attempts.of(JOB_ID) is None


def test_a_leaving_worker_sends_back_what_it_does_not_work_on(scene: Scene) -> None:
    scene.context.answers = [CLAIM, Unclaimed.HELD_ELSEWHERE]
    working, waiting = Letter(), Letter(redelivered=True)

    async def scenario() -> tuple[list[Disposition], list[Disposition]]:
        scene.executor.done.clear()
        first = asyncio.create_task(scene.bridge.handle(working.delivery))
        await until(lambda: scene.executor.worked, "work")
        second = asyncio.create_task(scene.bridge.handle(waiting.delivery))
        await until(lambda: scene.context.claims >= 3, "a second look")
        scene.bridge.send_back_waiting()
        await asyncio.wait([second])
        verdicts = list(working.verdicts), list(waiting.verdicts)
        scene.executor.done.set()
        await first
        return verdicts

    assert play(scenario()) == ([], [Disposition.REQUEUE])
    assert working.verdicts == [Disposition.ACK]


def test_a_delivery_whose_work_is_broken_off_goes_back(scene: Scene) -> None:
    scene.context.answers = [CLAIM]
    letter = Letter()

    async def scenario() -> bool:
        scene.executor.done.clear()
        serving = asyncio.create_task(scene.bridge.handle(letter.delivery))
        await until(lambda: scene.executor.worked, "work")
        serving.cancel()
        await asyncio.wait([serving])
        return serving.cancelled()

    assert play(scenario()) is True
    assert letter.verdicts == [Disposition.REQUEUE]
    assert scene.context.attempts.of(JOB_ID) is None


def test_a_delivery_that_is_broken_off_while_it_waits_after_an_outage_goes_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_OUTAGE_WAIT_SECONDS", 3600)
    scene.context.answers = [AWAY]
    letter = Letter()

    async def scenario() -> None:
        serving = asyncio.create_task(scene.bridge.handle(letter.delivery))
        await until(lambda: scene.context.breaker.reasons, "the outage")
        serving.cancel()
        await asyncio.wait([serving])

    play(scenario())
    assert letter.verdicts == [Disposition.REQUEUE]
