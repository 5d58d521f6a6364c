"""Runs from the work pool between played neighbours: use cases, an executor, the flow engine."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun

from flows.execution.job_executor import JobExecutor
from flows.pool.runs import PoolRuns
from flows.process_product import process_product
from flows.runs.attempts import Attempt
from flows.runs.worker_context import Ticket
from flows.runtime.resources import WorkerResources
from flows.sweep import sweep
from infra.broker.broker import Delivery
from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Unclaimed
from tasks.submission.submit import Submission, Submitted, SubmittedImage
from tests.unit.flows.support.claims import JOB_ID, PRODUCT_ID
from tests.unit.flows.support.fakes import FakeContext, FakeMonitor, play
from tests.unit.flows.support.server import Server


@dataclass
class Jobs:
    """The use cases on PostgreSQL."""

    known: UUID | None = None
    reopens: bool = False
    failure: Exception | None = None
    submitted: list[Submission] = field(default_factory=list)
    reopened: list[tuple[UUID, datetime]] = field(default_factory=list)

    def job_of_flow_run(self, _: Database, flow_run_id: UUID) -> UUID | None:
        return self.known

    def submit(self, _: Database, submission: Submission) -> Submitted:
        if self.failure is not None:
            raise self.failure
        self.submitted.append(submission)
        images = tuple(
            SubmittedImage(UUID(int=position), position, url, ImageState.QUEUED)
            for position, url in enumerate(submission.sources)
        )
        return Submitted(JOB_ID, PRODUCT_ID, JobState.QUEUED, images)

    def reopen(self, _: Database, job_id: UUID, *, flow_run_id: UUID, wished_at: datetime) -> bool:
        self.reopened.append((flow_run_id, wished_at))
        return self.reopens


class Bench(JobExecutor):
    """Remembers the attempts, and whether they were held meanwhile."""

    def __init__(self, context: FakeContext) -> None:
        super().__init__(context, FakeMonitor(context.resources, context.breaker))
        self._answers = context
        self.worked: list[tuple[Attempt, FlowRun, bool]] = []
        self.held: list[bool] = []
        self.returned: bool | Exception = False
        self.adopts: Delivery | None = None

    async def claim(self, work_id: UUID) -> Claim | Unclaimed:
        return self._answers.claim()

    async def work(self, attempt: Attempt, flow_run: FlowRun, *, republish: bool = False) -> bool:
        self.worked.append((attempt, flow_run, republish))
        self.held.append(self.attempts.of(attempt.claim.job_id) is attempt)
        if self.adopts is not None:
            attempt.deliveries.append(self.adopts)
        if isinstance(self.returned, Exception):
            raise self.returned
        return self.returned


class Office:
    """The runs that came through the work pool."""

    def __init__(self, resources: WorkerResources) -> None:
        self.jobs, self.server = Jobs(), Server()
        self.context = FakeContext(resources, self.server)
        self.executor = Bench(self.context)
        self.runs = PoolRuns(self.context, self.executor)
        self.tickets: list[Ticket] = []
        self.began = asyncio.Event()
        self.ends = True

    async def engine(self, flow: Flow[..., Any], flow_run: FlowRun) -> None:
        """Take the place of Prefect's engine: note what the flow would find."""
        if flow is process_product:
            self.tickets.append(self.context.take(flow_run.id))
        self.began.set()
        if not self.ends:
            await asyncio.Event().wait()

    def run(self, flow_run: FlowRun) -> None:
        """Run a product run to its end."""
        self.server.runs.setdefault(flow_run.id, flow_run)
        play(self.runs.run(process_product, flow_run))

    def end_of(self, flow_run: FlowRun) -> State[Any]:
        """Return what a product run ends with that has nothing to do."""
        self.run(flow_run)
        assert self.executor.worked == []
        (ticket,) = self.tickets
        assert isinstance(ticket, State)
        return ticket

    async def begin(self, flow_run: FlowRun) -> asyncio.Task[None]:
        """Begin a run of another flow that does not end by itself."""
        self.ends = False
        running = asyncio.create_task(self.runs.run(sweep, flow_run))
        await self.began.wait()
        return running
