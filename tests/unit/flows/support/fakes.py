"""A worker's parts with the world outside played: no PostgreSQL, no RabbitMQ, no Prefect."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import UUID

from flows.runs.worker_context import WorkerContext
from flows.runtime.circuit_breaker import CircuitBreaker, PauseReason
from flows.runtime.dependency_monitor import DependencyMonitor
from flows.runtime.resources import WorkerConfiguration, WorkerResources
from infra.broker.broker import Delivery, Disposition
from infra.contract.errors import ErrorCode, ServiceUnavailable
from infra.contract.messages import JobMessage
from infra.contract.states import JobState, Lane
from infra.db.engine import Database
from infra.objectstore import ObjectStore
from infra.settings.sections import (
    AssetSettings,
    BrokerSettings,
    BulkSettings,
    DatabaseSettings,
    DecoderSettings,
    DispatchSettings,
    FailureAlarmSettings,
    FetchSettings,
    JobSettings,
    OptionalCacheSettings,
    PixelSettings,
    PrefectSettings,
    QueueSettings,
    ReprocessSettings,
    RequestSettings,
    StoreSettings,
    WorkerSettings,
    WorkerTimings,
)
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Unclaimed
from tasks.jobs.status import ImageCounts, JobStatus
from tasks.pixels.pool import PixelPool
from tasks.steps.fetch import ImageSource
from tests.unit.flows.support.claims import JOB_ID
from tests.unit.flows.support.server import POOL, Server

T = TypeVar("T")
AWAY = ServiceUnavailable(ErrorCode.DATABASE_UNAVAILABLE, "PostgreSQL does not answer.")
LEASE_SECONDS = 0.01
_DEADLINE_SECONDS = 20  # a bound for a busy machine, never waited for


def play(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario in a loop of its own; it fails when it takes for ever."""

    async def bounded() -> T:
        return await asyncio.wait_for(scenario, _DEADLINE_SECONDS)

    return asyncio.run(bounded())


async def until(look: Callable[[], object], what: str) -> None:
    """Let the loop turn until `look` is true; fail when that takes for ever."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _DEADLINE_SECONDS / 2  # so that this assertion speaks first
    while not look():
        assert loop.time() < deadline, f"not in time: {what}"
        await asyncio.sleep(0.001)


class Task:
    """Counts how often it is told to end."""

    def __init__(self) -> None:
        self.cancels = 0

    def cancel(self) -> bool:
        self.cancels += 1
        return True


class Tap:
    """The arrival of deliveries: what was done to it, in order."""

    def __init__(self) -> None:
        self.turns: list[str] = []

    def pause(self) -> None:
        self.turns.append("pause")

    def resume(self) -> None:
        self.turns.append("resume")


def open_breaker() -> CircuitBreaker:
    """Return an intake in front of nothing."""
    tap = Tap()
    return CircuitBreaker(tap.pause, tap.resume)


def worker_configuration(database: DatabaseSettings) -> WorkerConfiguration:
    """Describe a worker on this database; nothing else answers."""
    return WorkerConfiguration(
        assets=AssetSettings(public_asset_url="https://assets.example"),
        broker=BrokerSettings(url="amqp://broker.example"),
        bulk=BulkSettings(),
        queue=QueueSettings(),
        cache=OptionalCacheSettings(),
        decoders=DecoderSettings(),
        failure_alarm=FailureAlarmSettings(),
        reprocess=ReprocessSettings(),
        requests=RequestSettings(),
        timings=WorkerTimings(),
        database=database,
        dispatch=DispatchSettings(),
        fetch=FetchSettings(),
        job=JobSettings(lease_seconds=LEASE_SECONDS),
        pixels=PixelSettings(processes=1),
        prefect=PrefectSettings(api_url="http://prefect.example/api", work_pool=POOL),
        store=StoreSettings(endpoint="store.example", access_key="a", secret_key="s"),
        worker=WorkerSettings(ready_file=None, directory=Path("/tmp")),
    )


@contextmanager
def fake_resources() -> Iterator[WorkerResources]:
    """Open a worker's resources whose parts nobody may touch, with very short leases."""
    configuration = worker_configuration(DatabaseSettings(url="postgresql://database.example/none"))
    resources = WorkerResources(
        configuration,
        database=cast(Database, _Nothing()),
        store=cast(ObjectStore, _Nothing()),
        source=cast(ImageSource, _Nothing()),
        pixels=cast(PixelPool, _Idle()),
    )
    try:
        yield resources
    finally:
        resources.close()


class _Idle:
    """Pixel processes that nobody calls; every interactive attempt announces itself."""

    def expect_interactive(self) -> None:
        pass


class _Nothing:
    """A part that is not there; only its probes are named, never called."""

    answered_at = written_at = float("-inf")

    def probe(self) -> None:
        raise AssertionError("a unit test reached for a real part")

    def probe_writes(self) -> None:
        raise AssertionError("a unit test reached for a real part")


def status_of(
    state: JobState,
    *,
    flow_run_id: UUID | None = None,
    lease_is_live: bool = False,
    parked_until: datetime | None = None,
) -> JobStatus:
    """Return where the job stands that all these tests are about."""
    return JobStatus(
        job_id=JOB_ID,
        state=state,
        round=0,
        flow_run_id=flow_run_id,
        lease_owner=None,
        lease_is_live=lease_is_live,
        parked_until=parked_until,
        cancel_requested=False,
        finished_at=None,
        images=ImageCounts(total=2, ready=1, made=1),
    )


class FakeContext(WorkerContext):
    """Answers in PostgreSQL's place, in the order given; the last one for ever.

    An exception among the answers is raised.
    """

    def __init__(self, resources: WorkerResources, server: Server | None = None) -> None:
        super().__init__(resources, open_breaker(), (server or Server()).flow_runs)
        self.answers: list[Any] = []
        self.stands: list[Any] = [None]
        self.claims = 0

    def claim(self) -> Claim | Unclaimed:
        """Return what PostgreSQL says to an executor that claims."""
        self.claims += 1
        answer: Claim | Unclaimed = _said(self.answers)
        return answer

    async def status(self, job_id: UUID) -> JobStatus | None:
        answer: JobStatus | None = _said(self.stands)
        return answer


def _said(answers: list[T]) -> T:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


class FakeMonitor(DependencyMonitor):
    """Knows which parts are away, and who was suspected."""

    def __init__(self, resources: WorkerResources, breaker: CircuitBreaker) -> None:
        super().__init__(resources, breaker)
        self.breaker = breaker
        self.away: set[PauseReason] = set()
        self.suspected: list[PauseReason] = []

    async def suspect(self, reason: PauseReason) -> None:
        self.suspected.append(reason)
        if reason in self.away:
            self.breaker.pause(reason)


class Letter:
    """A delivery with the verdicts that it got."""

    def __init__(self, *, redelivered: bool = False, body: bytes | None = None) -> None:
        self.verdicts: list[Disposition] = []
        self.delivery = Delivery(
            lane=Lane.INTERACTIVE,
            body=JobMessage(JOB_ID).encode() if body is None else body,
            redelivered=redelivered,
            settle=self.verdicts.append,
        )
