"""A job under a limit: scheduled for a poller, watched to its end, let go with the limit."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from prefect import State
from prefect.exceptions import PrefectException
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Pending, Running, Scheduled

from flows.bridge import via_work_pool as module
from flows.bridge.via_work_pool import ViaWorkPool
from flows.runtime.circuit_breaker import PauseReason
from flows.runtime.prefect_limits import PrefectLimits
from flows.runtime.resources import WorkerResources
from infra.contract.errors import ErrorCode, Rejected, ServiceUnavailable
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from tasks.jobs.lease import Unclaimed
from tasks.jobs.status import JobStatus
from tasks.views import ImageView, JobSummary, JobView
from tests.unit.flows.support.claims import CLAIMED_AT, JOB_ID, PRODUCT_ID
from tests.unit.flows.support.fakes import (
    AWAY,
    FakeContext,
    FakeMonitor,
    fake_resources,
    play,
    status_of,
)
from tests.unit.flows.support.server import Server, run_in

QUEUED = status_of(JobState.QUEUED)
RUNNING = status_of(JobState.RUNNING, lease_is_live=True)
READY = status_of(JobState.READY)


class Limit(PrefectLimits):
    """Stands for so many looks; for ever unless it is told."""

    def __init__(self) -> None:
        self.looks = 1_000
        self.slots_are_held = False

    def holds_slots(self, lane: Lane) -> bool:
        return self.slots_are_held

    async def is_limited(self, lane: Lane = Lane.INTERACTIVE) -> bool:
        self.looks -= 1
        return self.looks >= 0


@dataclass
class Jobs:
    """The use cases on PostgreSQL."""

    exists: bool = True
    cancelled: list[UUID] = field(default_factory=list)
    refusal: Rejected | None = None

    def read_job(self, _: Database, job_id: UUID) -> JobView | None:
        image = ImageView.__new__(ImageView)  # only counted, and asked where it comes from
        object.__setattr__(image, "source_url", "https://supplier.example/a.jpg")
        return JobView(_summary(job_id), {}, None, (image, image)) if self.exists else None

    def cancel(self, _: Database, job_id: UUID) -> None:
        self.cancelled.append(job_id)
        if self.refusal is not None:
            raise self.refusal


def _summary(job_id: UUID) -> JobSummary:
    return JobSummary(
        id=job_id,
        state=JobState.QUEUED,
        lane=Lane.BULK,
        attempts=0,
        flow_run_id=None,
        product_id=PRODUCT_ID,
        sku="SHOE-42",
        created_at=CLAIMED_AT,
        started_at=None,
        finished_at=None,
    )


class Route:
    """The way through the pool between played neighbours."""

    def __init__(self, resources: WorkerResources, jobs: Jobs) -> None:
        self.jobs, self.server, self.limit = jobs, Server(), Limit()
        self.context = FakeContext(resources, self.server)
        self.monitor = FakeMonitor(resources, self.context.breaker)
        self.wakes = 0
        self.way = ViaWorkPool(self.context, self.monitor, self.limit, wake=self._wake)

    def _wake(self) -> None:
        self.wakes += 1

    def carry(self) -> Unclaimed | None:
        return play(self.way.carry(JOB_ID))

    def shown_by(self, state: State[Any]) -> UUID:
        """Let the queued job have a run in this state already, then end it."""
        run = run_in(state)
        self.server.runs[run.id] = run
        self.context.stands = [status_of(JobState.QUEUED, flow_run_id=run.id), READY]
        return run.id


@pytest.fixture
def route(monkeypatch: pytest.MonkeyPatch) -> Iterator[Route]:
    jobs = Jobs()
    monkeypatch.setattr(module, "read_job", jobs.read_job)
    monkeypatch.setattr(module, "cancel", jobs.cancel)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0)
    with fake_resources() as resources:
        yield Route(resources, jobs)


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (None, Unclaimed.ABSENT),
        (READY, Unclaimed.FINAL),
        (status_of(JobState.CANCELLED), Unclaimed.FINAL),
        (status_of(JobState.QUEUED, parked_until=datetime.now(UTC)), Unclaimed.PARKED),
    ],
)
def test_a_job_that_needs_no_run_now_is_not_scheduled(
    route: Route, status: JobStatus | None, end: Unclaimed
) -> None:
    route.context.stands = [status]

    assert route.carry() is end
    assert (route.server.created, route.wakes) == ([], 0)


def test_a_queued_job_gets_a_scheduled_run_and_the_poller_is_woken(route: Route) -> None:
    route.context.stands = [QUEUED, QUEUED, RUNNING, READY]

    assert route.carry() is Unclaimed.FINAL
    (run,) = route.server.created
    assert run["state"].is_scheduled()
    tags = ["lane:bulk", "sku:SHOE-42", "host:supplier.example"]
    assert (run["name"], run["tags"]) == ("SHOE-42 · 2 images", tags)
    assert run["idempotency_key"] == str(JOB_ID)
    assert route.wakes == 1


def test_a_job_that_stays_queued_is_scheduled_again_after_a_while(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SCHEDULE_AGAIN_SECONDS", -1)
    route.context.stands = [QUEUED, QUEUED, QUEUED, READY]

    route.carry()

    assert len({run["idempotency_key"] for run in route.server.created}) == 1
    assert route.wakes == 3


def test_a_running_job_is_only_watched(route: Route) -> None:
    route.context.stands = [RUNNING, RUNNING, READY]

    assert route.carry() is Unclaimed.FINAL
    assert (route.server.created, route.wakes) == ([], 0)


def test_a_run_that_ended_without_its_job_is_scheduled_again(route: Route) -> None:
    run_id = route.shown_by(Crashed())

    assert route.carry() is Unclaimed.FINAL
    ((changed, state, forced),) = route.server.set
    assert (changed, state.is_scheduled(), forced) == (run_id, True, False)
    assert route.wakes == 1


@pytest.mark.parametrize("state", [Scheduled(), Pending(), Running()])
def test_a_run_on_its_way_is_left_to_the_poller(route: Route, state: State[Any]) -> None:
    route.shown_by(state)

    assert route.carry() is Unclaimed.FINAL
    assert route.server.set == []
    assert route.wakes == 1


@pytest.mark.parametrize("state", [Cancelled(), Cancelling()])
@pytest.mark.parametrize("refusal", [None, Rejected(409, ErrorCode.JOB_IS_FINAL, "It has ended.")])
def test_a_job_whose_run_somebody_stopped_is_cancelled(
    route: Route, state: State[Any], refusal: Rejected | None
) -> None:
    route.shown_by(state)
    route.jobs.refusal = refusal

    assert route.carry() is Unclaimed.FINAL
    assert route.jobs.cancelled == [JOB_ID]
    assert (route.server.set, route.wakes) == ([], 0)


def test_no_run_joins_those_that_would_free_its_slot(route: Route) -> None:
    direct = run_in(Running())
    direct.deployment_id = route.server.deployment.id
    route.server.runs[direct.id] = direct
    route.limit.slots_are_held = True
    route.context.stands = [QUEUED]
    route.limit.looks = 3

    assert route.carry() is None
    assert route.server.created == []

    direct.state = Completed()
    route.context.stands = [QUEUED, READY]
    route.limit.looks = 3

    assert route.carry() is Unclaimed.FINAL
    assert len(route.server.created) == 1


def test_a_job_that_vanishes_before_it_is_scheduled_is_absent(route: Route) -> None:
    route.jobs.exists = False
    route.context.stands = [QUEUED, None]

    assert route.carry() is Unclaimed.ABSENT
    assert route.server.created == []


def test_without_a_limit_the_pool_lets_go_of_the_job(route: Route) -> None:
    route.context.stands = [RUNNING]
    route.limit.looks = 3

    assert route.carry() is None


def test_a_closed_gate_lets_go_of_the_job(route: Route) -> None:
    route.context.stands = [QUEUED]
    route.context.breaker.pause(PauseReason.LEAVING)

    assert route.carry() is None
    assert route.server.created == []


def test_a_prefect_that_fails_is_suspected_and_the_job_is_watched_on(route: Route) -> None:
    route.server.failure = PrefectException("no")
    route.context.stands = [QUEUED, READY]

    assert route.carry() is Unclaimed.FINAL
    assert route.monitor.suspected == [PauseReason.PREFECT]
    assert route.wakes == 0


def test_a_prefect_that_is_away_lets_go_of_the_job(route: Route) -> None:
    route.server.failure = PrefectException("no")
    route.monitor.away.add(PauseReason.PREFECT)
    route.context.stands = [QUEUED]

    assert route.carry() is None


def test_an_outage_of_postgresql_is_the_callers_business(route: Route) -> None:
    route.context.stands = [RUNNING, AWAY]

    with pytest.raises(ServiceUnavailable):
        route.carry()
