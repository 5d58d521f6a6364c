"""The loop that keeps leases: it ends what is lost or cancelled, and nothing else ends it."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from threading import Event
from time import monotonic
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from flows.runs import attempts as module
from flows.runs.attempts import Attempts, StopReason
from flows.runtime import leases as keeper
from flows.runtime.circuit_breaker import CircuitBreaker, PauseReason
from flows.runtime.leases import LeaseKind, Leases
from infra.contract.states import WaitReason
from infra.db.engine import Database
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Renewal
from tests.unit.flows.support.claims import JOB_ID, claim_of
from tests.unit.flows.support.fakes import (
    AWAY,
    LEASE_SECONDS,
    fake_resources,
    open_breaker,
    play,
    until,
)

OWNER = "worker-1"


@dataclass
class Office:
    """PostgreSQL's part: which jobs are still ours, and which somebody wants cancelled."""

    lost: set[UUID] = field(default_factory=set)
    wanted: set[UUID] = field(default_factory=set)
    locked: set[UUID] = field(default_factory=set)
    failures: list[Exception] = field(default_factory=list)
    renewal_failures: list[Exception] = field(default_factory=list)
    renewed: list[list[UUID]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    seconds: float = LEASE_SECONDS

    def send_heartbeat(self, _: Database, owner: str, *, waits_for: WaitReason | None) -> None:
        self.seen.append(owner)
        if self.failures:
            raise self.failures.pop(0)

    def renew(self, _: Database, claims: Collection[Claim], seconds: float) -> Renewal[Claim]:
        assert seconds == self.seconds
        self.renewed.append([claim.job_id for claim in claims])
        if self.renewal_failures:
            raise self.renewal_failures.pop(0)
        locked = frozenset(claim for claim in claims if claim.job_id in self.locked)
        lost = {claim for claim in claims if claim.job_id in self.lost}
        return Renewal(renewed=frozenset(claims) - locked - lost, locked=locked)

    def cancel_requests(self, _: Database, claims: Collection[Claim]) -> frozenset[UUID]:
        return frozenset(claim.job_id for claim in claims) & self.wanted


@pytest.fixture
def leases(monkeypatch: pytest.MonkeyPatch) -> Office:
    pool_office = Office()
    for name in ("send_heartbeat", "cancel_requests"):
        monkeypatch.setattr(module, name, getattr(pool_office, name))
    monkeypatch.setattr(keeper, "renew", pool_office.renew)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(keeper, "_LOOK_SECONDS", 0.001)
    return pool_office


@pytest.fixture
def breaker() -> CircuitBreaker:
    return open_breaker()


@pytest.fixture
def attempts(breaker: CircuitBreaker, leases: Office) -> Iterator[Attempts]:
    with fake_resources() as resources:
        yield Attempts(resources, OWNER, breaker, leases=Leases(resources, breaker))


async def keep(attempts: Attempts, look: Callable[[], object], what: str) -> None:
    """Keep the leases until `look` is true."""
    duties = (attempts.run, attempts.report, attempts._leases.run)
    keeping = [asyncio.create_task(duty()) for duty in duties]
    try:
        await until(look, what)
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.wait(keeping)


def test_a_held_lease_is_renewed_again_and_again(attempts: Attempts, leases: Office) -> None:
    async def scenario() -> StopReason | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: len(leases.renewed) >= 3, "three renewals")
        return attempt.halt

    assert play(scenario()) is None
    assert leases.renewed[:3] == [[JOB_ID]] * 3


def test_a_worker_without_work_still_says_that_it_lives(attempts: Attempts, leases: Office) -> None:
    play(keep(attempts, lambda: len(leases.seen) >= 2, "two signs of life"))

    assert set(leases.seen) == {OWNER}
    assert leases.renewed == []


def test_an_attempt_whose_lease_is_lost_is_ended_and_it_is_said_once(
    attempts: Attempts, leases: Office
) -> None:
    leases.lost.add(JOB_ID)

    async def scenario() -> StopReason | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: attempt.halt, "the end of the attempt")
        return attempt.halt

    with capture_logs() as said:
        assert play(scenario()) is StopReason.LOST
    assert [line["event"] for line in said] == ["lease lost"]


def test_an_attempt_that_somebody_wants_cancelled_is_ended(
    attempts: Attempts, leases: Office
) -> None:
    leases.wanted.add(JOB_ID)

    async def scenario() -> StopReason | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: attempt.halt, "the end of the attempt")
        return attempt.halt

    assert play(scenario()) is StopReason.CANCELLED


def test_a_recorded_attempt_is_neither_renewed_nor_ended(
    attempts: Attempts, leases: Office
) -> None:
    leases.lost.add(JOB_ID)
    leases.wanted.add(JOB_ID)

    async def scenario() -> StopReason | None:
        with attempts.hold(claim_of(1)) as attempt:
            attempt.recorded = True
            await keep(attempts, lambda: len(leases.seen) >= 3, "three rounds")
        return attempt.halt

    assert play(scenario()) is None
    assert leases.renewed == []


def test_the_next_attempt_at_a_job_is_not_ended_for_the_loss_of_the_one_before(
    attempts: Attempts, leases: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = replace(claim_of(1), fencing_token=2)
    loop_of: list[asyncio.AbstractEventLoop] = []
    held: list[module.Attempt] = []

    async def hold_again() -> None:
        held.append(attempts.hold(again).__enter__())

    def lose(_: Database, claims: Collection[Claim], __: float) -> Renewal[Claim]:
        if not held:  # while PostgreSQL answers, the job is claimed anew
            asyncio.run_coroutine_threadsafe(hold_again(), loop_of[0]).result(5)
        lost = {claim for claim in claims if claim.fencing_token == 1}
        return Renewal(renewed=frozenset(claims) - lost, locked=frozenset())

    monkeypatch.setattr(keeper, "renew", lose)

    async def scenario() -> tuple[StopReason | None, StopReason | None]:
        loop_of.append(asyncio.get_running_loop())
        with attempts.hold(claim_of(1)) as first:
            await keep(attempts, lambda: held and len(leases.seen) >= 3, "another round")
        return first.halt, held[0].halt

    assert play(scenario()) == (None, None)


def test_an_outage_closes_the_gate_and_the_leases_are_kept_afterwards(
    attempts: Attempts, leases: Office, breaker: CircuitBreaker
) -> None:
    leases.failures.append(AWAY)
    leases.renewal_failures.append(AWAY)

    async def scenario() -> StopReason | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: len(leases.renewed) > 1, "a renewal after the outage")
        return attempt.halt

    assert play(scenario()) is None
    assert breaker.reasons == (PauseReason.DATABASE,)


def test_an_unexpected_error_is_logged_and_the_leases_are_kept_afterwards(
    attempts: Attempts, leases: Office, breaker: CircuitBreaker
) -> None:
    leases.renewal_failures.append(LookupError("a surprise"))

    async def scenario() -> None:
        with attempts.hold(claim_of(1)):
            await keep(attempts, lambda: len(leases.renewed) > 1, "a renewal after the surprise")

    with capture_logs() as said:
        play(scenario())

    assert [(line["event"], line["log_level"]) for line in said] == [("leases not kept", "error")]
    assert breaker.is_admitting


def test_a_report_of_presence_that_fails_delays_no_renewal(
    attempts: Attempts, leases: Office
) -> None:
    leases.failures.extend([LookupError("a surprise")] * 1000)

    async def scenario() -> None:
        with attempts.hold(claim_of(1)):
            await keep(attempts, lambda: len(leases.renewed) >= 3, "three renewals")

    with capture_logs():  # writing a thousand tracebacks takes longer than a lease
        play(scenario())


def test_duties_that_hang_delay_no_renewal(attempts: Attempts, leases: Office) -> None:
    """Probes of hanging parts, a polling turn and all the threads that they take."""
    release = Event()
    resources = attempts._resources

    async def scenario() -> None:
        for pool in (resources.duty_threads, resources.probe_threads, resources.io_threads):
            for _ in range(64):
                pool.submit(release.wait, 20)
        with attempts.hold(claim_of(1)):
            await keep(attempts, lambda: len(leases.renewed) >= 3, "three renewals")

    try:
        play(scenario())
    finally:
        release.set()


def test_a_renewal_that_failed_is_tried_again_long_before_the_next_is_due(
    attempts: Attempts, leases: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_AGAIN_SECONDS", 0.01)
    leases.renewal_failures.append(AWAY)
    leases.seconds = 3 * 3600.0
    hour = LeaseKind("job", leases.seconds)

    async def scenario() -> None:
        lease = attempts._leases.kept(hour, claim_of(1), lost=lambda: None)
        with lease:
            attempts._leases._kept[hour][0].due_at = 0
            await keep(attempts, lambda: len(leases.renewed) >= 2, "another try")
            assert attempts._leases._kept[hour][0].due_at > monotonic() + 3000

    play(scenario())
    assert len(leases.renewed) == 2


def test_a_lease_whose_row_is_locked_is_not_lost_and_tried_again(
    attempts: Attempts, leases: Office
) -> None:
    leases.locked.add(JOB_ID)

    async def scenario() -> StopReason | None:
        with attempts.hold(claim_of(1)) as attempt:
            await keep(attempts, lambda: len(leases.renewed) >= 3, "three tries")
        return attempt.halt

    assert play(scenario()) is None
