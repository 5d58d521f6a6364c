"""The bridge: what becomes of a delivery, whatever PostgreSQL says and whatever breaks."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect.states import Running
from structlog.testing import capture_logs

from flows.bridge import consumer as module
from flows.runs.attempts import Attempt
from infra.broker.broker import Verdict
from infra.contract.states import JobState
from tasks.jobs.claim import Unclaimed
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.crew import Letter, play, standing_of, until, workshop
from tests.unit.flows.support.scene import Scene
from tests.unit.flows.support.server import run_in

CLAIM = claim_of(1)
SURPRISE = LookupError("a surprise")
HELD = (Unclaimed.HELD_HERE, Unclaimed.HELD_ELSEWHERE)
NOT_HELD = [reason for reason in Unclaimed if reason not in HELD]


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(module, "_OUTAGE_WAIT_SECONDS", 0)
    monkeypatch.setattr(module, "_SURPRISE_WAIT_SECONDS", 0)
    with workshop() as shop:
        yield Scene(shop)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"version": 9}', b"\xff"])
def test_a_message_that_is_none_of_ours_is_put_aside(scene: Scene, body: bytes) -> None:
    scene.desk.answers = [CLAIM]

    assert scene.handle(Letter(body=body)) == [Verdict.DEAD_LETTER]
    assert scene.desk.claims == 0


@pytest.mark.parametrize(("returned", "verdict"), [(False, Verdict.ACK), (True, Verdict.REQUEUE)])
@pytest.mark.parametrize("redelivered", [False, True])
def test_a_claimed_job_is_worked_on_and_its_delivery_goes_back_only_with_the_job(
    scene: Scene, *, returned: bool, verdict: Verdict, redelivered: bool
) -> None:
    scene.desk.answers = [CLAIM]
    scene.bench.returned = returned

    assert scene.handle(Letter(redelivered=redelivered)) == [verdict]
    assert [attempt.claim for attempt in scene.bench.worked] == [CLAIM]


def test_a_job_is_held_and_its_delivery_kept_while_it_is_worked_on(scene: Scene) -> None:
    scene.desk.answers = [CLAIM]
    letter = Letter()

    async def scenario() -> tuple[Attempt | None, list[Verdict]]:
        scene.bench.done.clear()
        serving = asyncio.create_task(scene.bridge.handle(letter.delivery))
        await until(lambda: scene.bench.worked, "work")
        meanwhile = scene.desk.attempts.of_job(JOB_ID), list(letter.verdicts)
        scene.bench.done.set()
        await serving
        return meanwhile

    assert play(scenario()) == (scene.bench.worked[0], [])
    assert scene.desk.attempts.of_job(JOB_ID) is None
    assert letter.verdicts == [Verdict.ACK]


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("reason", NOT_HELD)
def test_a_job_that_needs_no_work_now_is_acknowledged(
    scene: Scene, reason: Unclaimed, *, redelivered: bool
) -> None:
    scene.desk.answers = [reason]

    assert scene.handle(Letter(redelivered=redelivered)) == [Verdict.ACK]
    assert (scene.desk.claims, scene.bench.worked) == (1, [])


@pytest.mark.parametrize("reason", HELD)
def test_a_mere_repetition_of_a_message_whose_job_is_held_is_acknowledged(
    scene: Scene, reason: Unclaimed
) -> None:
    scene.desk.answers = [reason]

    assert scene.handle(Letter()) == [Verdict.ACK]
    assert scene.desk.claims == 1


@pytest.mark.parametrize("reason", HELD)
@pytest.mark.parametrize(
    ("then", "verdict"), [(CLAIM, Verdict.REQUEUE), (Unclaimed.FINAL, Verdict.ACK)]
)
def test_a_delivery_that_came_back_is_kept_while_its_job_is_held_by_nobody_we_can_ask(
    scene: Scene, reason: Unclaimed, then: Unclaimed, verdict: Verdict
) -> None:
    scene.desk.answers = [reason, reason, then]
    scene.bench.returned = True

    assert scene.handle(Letter(redelivered=True)) == [verdict]
    assert scene.desk.claims == 3


@pytest.mark.parametrize(("returned", "verdict"), [(False, Verdict.ACK), (True, Verdict.REQUEUE)])
def test_a_delivery_that_came_back_to_the_worker_of_its_job_is_adopted(
    scene: Scene, *, returned: bool, verdict: Verdict
) -> None:
    scene.desk.answers = [CLAIM, Unclaimed.HELD_HERE]
    scene.bench.returned = returned
    first, again = Letter(), Letter(redelivered=True)

    async def scenario() -> list[Verdict]:
        scene.bench.done.clear()
        serving = asyncio.create_task(scene.bridge.handle(first.delivery))
        await until(lambda: scene.bench.worked, "work")
        await scene.bridge.handle(again.delivery)
        meanwhile = list(again.verdicts)
        scene.bench.done.set()
        await serving
        return meanwhile

    assert play(scenario()) == []
    assert (first.verdicts, again.verdicts) == ([verdict], [verdict])
    assert len(scene.bench.worked) == 1


def test_a_mere_repetition_is_not_adopted_but_acknowledged_at_once(scene: Scene) -> None:
    scene.desk.answers = [CLAIM, Unclaimed.HELD_HERE]
    first, repeated = Letter(), Letter()

    async def scenario() -> list[Verdict]:
        scene.bench.done.clear()
        serving = asyncio.create_task(scene.bridge.handle(first.delivery))
        await until(lambda: scene.bench.worked, "work")
        await scene.bridge.handle(repeated.delivery)
        meanwhile = list(repeated.verdicts)
        scene.bench.done.set()
        await serving
        return meanwhile

    assert play(scenario()) == [Verdict.ACK]


@pytest.mark.parametrize("reason", [Unclaimed.FINAL, Unclaimed.GAVE_UP, Unclaimed.CANCELLED])
@pytest.mark.parametrize(
    ("state", "name"),
    [(JobState.PARTIAL, "Partial"), (JobState.FAILED, "Failed"), (JobState.CANCELLED, "Cancelled")],
)
def test_the_run_of_a_job_that_has_ended_is_closed_as_the_job_ended(
    scene: Scene, reason: Unclaimed, state: JobState, name: str
) -> None:
    run = run_in(Running())
    scene.server.runs[run.id] = run
    scene.desk.answers = [reason]
    scene.desk.stands = [standing_of(state, flow_run_id=run.id)]

    assert scene.handle(Letter(redelivered=True)) == [Verdict.ACK]
    assert [(id_, shown.name) for id_, shown, _ in scene.server.set] == [(run.id, name)]


def test_the_run_of_a_job_that_was_begun_again_meanwhile_is_left_alone(scene: Scene) -> None:
    run = run_in(Running())
    scene.server.runs[run.id] = run
    scene.desk.answers = [Unclaimed.FINAL]
    scene.desk.stands = [standing_of(JobState.QUEUED, flow_run_id=run.id)]

    assert scene.handle(Letter()) == [Verdict.ACK]
    assert scene.server.set == []


def test_a_run_that_cannot_be_closed_does_not_keep_the_delivery(scene: Scene) -> None:
    scene.server.failure = SURPRISE
    scene.desk.answers = [Unclaimed.FINAL]
    scene.desk.stands = [standing_of(JobState.READY, flow_run_id=uuid4())]

    with capture_logs() as said:
        assert scene.handle(Letter()) == [Verdict.ACK]
    assert "run not closed" in [line["event"] for line in said]
