"""The bridge: what becomes of a delivery, whatever PostgreSQL says and whatever breaks."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect.states import Running
from structlog.testing import capture_logs

from flows.bridge import consumer as module
from flows.runs.attempts import Attempt
from infra.broker.broker import Disposition
from infra.contract.messages import ChunkMessage
from infra.contract.states import JobState
from tasks.jobs.lease import Unclaimed
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import Letter, fake_resources, play, status_of, until
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
    with fake_resources() as resources:
        yield Scene(resources)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"version": 9}', b"\xff"])
def test_a_message_that_is_none_of_ours_is_put_aside(scene: Scene, body: bytes) -> None:
    scene.context.answers = [CLAIM]

    assert scene.handle(Letter(body=body)) == [Disposition.DEAD_LETTER]
    assert scene.context.claims == 0


@pytest.mark.parametrize(
    ("returned", "disposition"), [(False, Disposition.ACK), (True, Disposition.REQUEUE)]
)
@pytest.mark.parametrize("redelivered", [False, True])
def test_a_claimed_job_is_worked_on_and_its_delivery_goes_back_only_with_the_job(
    scene: Scene, *, returned: bool, disposition: Disposition, redelivered: bool
) -> None:
    scene.context.answers = [CLAIM]
    scene.executor.returned = returned

    assert scene.handle(Letter(redelivered=redelivered)) == [disposition]
    assert [attempt.claim for attempt in scene.executor.worked] == [CLAIM]


def test_a_job_is_held_and_its_delivery_kept_while_it_is_worked_on(scene: Scene) -> None:
    scene.context.answers = [CLAIM]
    letter = Letter()

    async def scenario() -> tuple[Attempt | None, list[Disposition]]:
        scene.executor.done.clear()
        serving = asyncio.create_task(scene.bridge.handle(letter.delivery))
        await until(lambda: scene.executor.worked, "work")
        meanwhile = scene.context.attempts.of(JOB_ID), list(letter.verdicts)
        scene.executor.done.set()
        await serving
        return meanwhile

    assert play(scenario()) == (scene.executor.worked[0], [])
    assert scene.context.attempts.of(JOB_ID) is None
    assert letter.verdicts == [Disposition.ACK]


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("reason", NOT_HELD)
def test_a_job_that_needs_no_work_now_is_acknowledged(
    scene: Scene, reason: Unclaimed, *, redelivered: bool
) -> None:
    scene.context.answers = [reason]

    assert scene.handle(Letter(redelivered=redelivered)) == [Disposition.ACK]
    assert (scene.context.claims, scene.executor.worked) == (1, [])


@pytest.mark.parametrize("reason", HELD)
def test_a_mere_repetition_of_a_message_whose_job_is_held_is_acknowledged(
    scene: Scene, reason: Unclaimed
) -> None:
    scene.context.answers = [reason]

    assert scene.handle(Letter()) == [Disposition.ACK]
    assert scene.context.claims == 1


@pytest.mark.parametrize("reason", HELD)
@pytest.mark.parametrize(
    ("then", "disposition"), [(CLAIM, Disposition.REQUEUE), (Unclaimed.FINAL, Disposition.ACK)]
)
def test_a_delivery_that_came_back_is_kept_while_its_job_is_held_by_nobody_we_can_ask(
    scene: Scene, reason: Unclaimed, then: Unclaimed, disposition: Disposition
) -> None:
    scene.context.answers = [reason, reason, then]
    scene.executor.returned = True

    assert scene.handle(Letter(redelivered=True)) == [disposition]
    assert scene.context.claims == 3


@pytest.mark.parametrize(
    ("returned", "disposition"), [(False, Disposition.ACK), (True, Disposition.REQUEUE)]
)
def test_a_delivery_that_came_back_to_the_worker_of_its_job_is_adopted(
    scene: Scene, *, returned: bool, disposition: Disposition
) -> None:
    scene.context.answers = [CLAIM, Unclaimed.HELD_HERE]
    scene.executor.returned = returned
    first, again = Letter(), Letter(redelivered=True)

    async def scenario() -> list[Disposition]:
        scene.executor.done.clear()
        serving = asyncio.create_task(scene.bridge.handle(first.delivery))
        await until(lambda: scene.executor.worked, "work")
        await scene.bridge.handle(again.delivery)
        meanwhile = list(again.verdicts)
        scene.executor.done.set()
        await serving
        return meanwhile

    assert play(scenario()) == []
    assert (first.verdicts, again.verdicts) == ([disposition], [disposition])
    assert len(scene.executor.worked) == 1


def test_a_mere_repetition_is_not_adopted_but_acknowledged_at_once(scene: Scene) -> None:
    scene.context.answers = [CLAIM, Unclaimed.HELD_HERE]
    first, repeated = Letter(), Letter()

    async def scenario() -> list[Disposition]:
        scene.executor.done.clear()
        serving = asyncio.create_task(scene.bridge.handle(first.delivery))
        await until(lambda: scene.executor.worked, "work")
        await scene.bridge.handle(repeated.delivery)
        meanwhile = list(repeated.verdicts)
        scene.executor.done.set()
        await serving
        return meanwhile

    assert play(scenario()) == [Disposition.ACK]


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
    scene.context.answers = [reason]
    scene.context.stands = [status_of(state, flow_run_id=run.id)]

    assert scene.handle(Letter(redelivered=True)) == [Disposition.ACK]
    assert [(id_, shown.name) for id_, shown, _ in scene.server.set] == [(run.id, name)]


def test_the_run_of_a_job_that_was_begun_again_meanwhile_is_left_alone(scene: Scene) -> None:
    run = run_in(Running())
    scene.server.runs[run.id] = run
    scene.context.answers = [Unclaimed.FINAL]
    scene.context.stands = [status_of(JobState.QUEUED, flow_run_id=run.id)]

    assert scene.handle(Letter()) == [Disposition.ACK]
    assert scene.server.set == []


def test_a_run_that_cannot_be_closed_does_not_keep_the_delivery(scene: Scene) -> None:
    scene.server.failure = SURPRISE
    scene.context.answers = [Unclaimed.FINAL]
    scene.context.stands = [status_of(JobState.READY, flow_run_id=uuid4())]

    with capture_logs() as said:
        assert scene.handle(Letter()) == [Disposition.ACK]
    assert "run not closed" in [line["event"] for line in said]


def test_the_delivery_of_a_chunk_that_needs_no_work_is_acknowledged(scene: Scene) -> None:
    chunk_id = uuid4()

    assert scene.handle(Letter(body=ChunkMessage(chunk_id).encode())) == [Disposition.ACK]
    assert (scene.chunks.claimed, scene.context.claims) == ([chunk_id], 0)
