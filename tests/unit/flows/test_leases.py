"""The loop that keeps leases: it ends what is lost or cancelled, and nothing else ends it."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from flows import attempts as module
from flows.attempts import Attempts, Halt
from flows.gate import Gate, Obstacle
from infra.db.engine import Database
from infra.settings import JobSettings
from tasks.claim import Claim
from tests.unit.flows.claims import JOB_ID, claim_of
from tests.unit.flows.crew import AWAY, open_gate, play, until, workshop

OWNER = "worker-1"


@dataclass
class Leases:
    """PostgreSQL's part: which jobs are still ours, and which somebody wants cancelled."""

    lost: set[UUID] = field(default_factory=set)
    wanted: set[UUID] = field(default_factory=set)
    failures: list[Exception] = field(default_factory=list)
    renewed: list[list[UUID]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def report_presence(self, _: Database, owner: str) -> None:
        self.seen.append(owner)
        if self.failures:
            raise self.failures.pop(0)

    def renew(
        self, _: Database, claims: Collection[Claim], settings: JobSettings
    ) -> frozenset[UUID]:
        jobs = [claim.job_id for claim in claims]
        self.renewed.append(jobs)
        return frozenset(jobs) - self.lost

    def cancel_requests(self, _: Database, claims: Collection[Claim]) -> frozenset[UUID]:
        return frozenset(claim.job_id for claim in claims) & self.wanted


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> Leases:
    office = Leases()
    for name in ("report_presence", "renew", "cancel_requests"):
        monkeypatch.setattr(module, name, getattr(office, name))
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.001)
    return office


@pytest.fixture
def gate() -> Gate:
    return open_gate()


@pytest.fixture
def attempts(gate: Gate) -> Iterator[Attempts]:
    with workshop() as shop:
        yield Attempts(shop, OWNER, gate)


async def keep(attempts: Attempts, look: Callable[[], object], what: str) -> None:
    """Keep the leases until `look` is true."""
    keeping = asyncio.create_task(attempts.run())
    try:
        await until(look, what)
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


def test_a_held_lease_is_renewed_again_and_again(attempts: Attempts, leases: Leases) -> None:
    async def scenario() -> Halt | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: len(leases.renewed) >= 3, "three renewals")
        return attempt.halt

    assert play(scenario()) is None
    assert leases.renewed[:3] == [[JOB_ID]] * 3


def test_a_worker_without_work_still_says_that_it_lives(attempts: Attempts, leases: Leases) -> None:
    play(keep(attempts, lambda: len(leases.seen) >= 2, "two signs of life"))

    assert set(leases.seen) == {OWNER}
    assert leases.renewed == []


def test_an_attempt_whose_lease_is_lost_is_ended_and_it_is_said_once(
    attempts: Attempts, leases: Leases
) -> None:
    leases.lost.add(JOB_ID)

    async def scenario() -> Halt | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: attempt.halt, "the end of the attempt")
        return attempt.halt

    with capture_logs() as said:
        assert play(scenario()) is Halt.LOST
    assert [line["event"] for line in said] == ["lease lost"]


def test_an_attempt_that_somebody_wants_cancelled_is_ended(
    attempts: Attempts, leases: Leases
) -> None:
    leases.wanted.add(JOB_ID)

    async def scenario() -> Halt | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: attempt.halt, "the end of the attempt")
        return attempt.halt

    assert play(scenario()) is Halt.CANCELLED


def test_a_recorded_attempt_is_neither_renewed_nor_ended(
    attempts: Attempts, leases: Leases
) -> None:
    leases.lost.add(JOB_ID)
    leases.wanted.add(JOB_ID)

    async def scenario() -> Halt | None:
        with attempts.hold(claim_of(1)) as attempt:
            attempt.recorded = True
            await keep(attempts, lambda: len(leases.seen) >= 3, "three rounds")
        return attempt.halt

    assert play(scenario()) is None
    assert leases.renewed == []


def test_the_next_attempt_at_a_job_is_not_ended_for_the_loss_of_the_one_before(
    attempts: Attempts, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = replace(claim_of(1), fencing_token=2)
    loop_of: list[asyncio.AbstractEventLoop] = []
    held: list[module.Attempt] = []

    async def hold_again() -> None:
        held.append(attempts.hold(again).__enter__())

    def renew(_: Database, claims: Collection[Claim], __: JobSettings) -> frozenset[UUID]:
        if not held:  # while PostgreSQL answers, the job is claimed anew
            asyncio.run_coroutine_threadsafe(hold_again(), loop_of[0]).result(5)
            return frozenset()
        return frozenset(claim.job_id for claim in claims)

    monkeypatch.setattr(module, "renew", renew)

    async def scenario() -> tuple[Halt | None, Halt | None]:
        loop_of.append(asyncio.get_running_loop())
        with attempts.hold(claim_of(1)) as first:
            await keep(attempts, lambda: held and len(leases.seen) >= 3, "another round")
        return first.halt, held[0].halt

    assert play(scenario()) == (None, None)


def test_an_outage_closes_the_gate_and_the_leases_are_kept_afterwards(
    attempts: Attempts, leases: Leases, gate: Gate
) -> None:
    leases.failures.append(AWAY)

    async def scenario() -> Halt | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: leases.renewed, "a renewal after the outage")
        return attempt.halt

    assert play(scenario()) is None
    assert gate.obstacles == (Obstacle.DATABASE,)


def test_an_unexpected_error_is_logged_and_the_leases_are_kept_afterwards(
    attempts: Attempts, leases: Leases, gate: Gate
) -> None:
    leases.failures.append(LookupError("a surprise"))

    async def scenario() -> None:
        with attempts.hold(claim_of(1)):
            await keep(attempts, lambda: leases.renewed, "a renewal after the surprise")

    with capture_logs() as said:
        play(scenario())

    assert [(line["event"], line["log_level"]) for line in said] == [("leases not kept", "error")]
    assert gate.is_open
