"""A bridge between played neighbours: an executor, the state of the limits, the way of the pool."""

import asyncio
from uuid import UUID

from flows.bridge.consumer import JobConsumer
from flows.bridge.via_work_pool import ViaWorkPool
from flows.execution.chunk_executor import ChunkExecutor
from flows.execution.job_executor import JobExecutor
from flows.runs.attempts import Attempt
from flows.runtime.prefect_limits import PrefectLimits
from flows.runtime.resources import WorkerResources
from infra.broker.broker import Disposition
from infra.contract.states import Lane
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Unclaimed
from tests.unit.flows.support.fakes import FakeContext, FakeMonitor, Letter, play
from tests.unit.flows.support.server import Server


class Bench(JobExecutor):
    """Works until it is let go, then says whether the job went back unfinished."""

    def __init__(self, context: FakeContext) -> None:
        super().__init__(context, FakeMonitor(context.resources, context.breaker))
        self._answers = context
        self.worked: list[Attempt] = []
        self.returned: bool | Exception = False
        self.done = asyncio.Event()
        self.done.set()

    async def claim(self, work_id: UUID) -> Claim | Unclaimed:
        return self._answers.claim()

    async def work_directly(self, attempt: Attempt) -> bool:
        self.worked.append(attempt)
        await self.done.wait()
        if isinstance(self.returned, Exception):
            raise self.returned
        return self.returned


class Road(PrefectLimits):
    """Says once for each entry that a limit stands; then that there is none."""

    def __init__(self) -> None:
        self.limits: list[bool | Exception] = []

    async def is_limited(self, lane: Lane = Lane.INTERACTIVE) -> bool:
        answer = self.limits.pop(0) if self.limits else False
        if isinstance(answer, Exception):
            raise answer
        return answer


class Pool(ViaWorkPool):
    """Carries jobs to this end."""

    def __init__(self) -> None:
        self.carried: list[UUID] = []
        self.end: Unclaimed | None = Unclaimed.FINAL

    async def carry(self, work_id: UUID, lane: Lane = Lane.INTERACTIVE) -> Unclaimed | None:
        self.carried.append(work_id)
        return self.end


class Chunks(ChunkExecutor):
    """Finds that every chunk has ended, and notes which."""

    def __init__(self, context: FakeContext, jobs: JobExecutor) -> None:
        super().__init__(context, FakeMonitor(context.resources, context.breaker), jobs)
        self.claimed: list[UUID] = []

    async def claim(self, work_id: UUID) -> ChunkClaim | Unclaimed:
        self.claimed.append(work_id)
        return Unclaimed.FINAL


class Scene:
    """A bridge between played neighbours."""

    def __init__(self, resources: WorkerResources) -> None:
        self.server = Server()
        self.context = FakeContext(resources, self.server)
        self.executor, self.road, self.pool = Bench(self.context), Road(), Pool()
        self.chunks = Chunks(self.context, self.executor)
        self.bridge = JobConsumer(
            self.context,
            self.executor,
            self.chunks,
            prefect_limits=self.road,
            through_pool=self.pool,
        )

    def handle(self, letter: Letter) -> list[Disposition]:
        """Serve one delivery to its end; return the verdicts."""
        play(self.bridge.handle(letter.delivery))
        return letter.verdicts
