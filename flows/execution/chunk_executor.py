"""Makes attempts at chunks, each as a flow run of its own."""

import structlog
from prefect.states import Cancelled

from flows.execution.chunk_jobs import ChunkJobs
from flows.execution.executor import Executor
from flows.execution.job_executor import JobExecutor
from flows.process_chunk import process_chunk
from flows.runs.attempts import ChunkAttempt
from flows.runs.labels import BulkLabel, chunk_label
from flows.runs.worker_context import WorkerContext
from flows.runtime.dependency_monitor import DependencyMonitor
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import Lane
from tasks.chunks.claim import ChunkClaim, claim_chunk
from tasks.chunks.finish import finish_chunk

log = structlog.get_logger(__name__)


class ChunkExecutor(Executor[ChunkClaim, ChunkAttempt]):
    """Used only from the event loop."""

    lane = Lane.BULK

    def __init__(
        self, context: WorkerContext, monitor: DependencyMonitor, job_executor: JobExecutor
    ) -> None:
        super().__init__(context, monitor, context.chunks, take=claim_chunk, flow=process_chunk)
        self._job_executor = job_executor

    def _label(self, claim: ChunkClaim) -> BulkLabel:
        return chunk_label(claim)

    def _ticket(self, attempt: ChunkAttempt) -> ChunkJobs:
        return ChunkJobs(self._context, self._job_executor, attempt)

    async def _end_cancelled(self, attempt: ChunkAttempt) -> None:
        """Return the jobs to the batch: the run was cancelled before it began."""
        try:
            counts = await self._context.resources.db(finish_chunk, attempt.claim)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return
        attempt.recorded = True
        flow_run_id = attempt.flow_run_id
        if counts is None or flow_run_id is None:  # another attempt has the chunk now, and its run
            return
        message = "Its jobs went back to the batch."
        try:
            await self._context.flow_runs.close(flow_run_id, Cancelled(message=message))
        except Exception as exc:  # noqa: BLE001 - Prefect only shows it; the reaper comes by
            log.info("run not closed", flow_run_id=str(flow_run_id), error=repr(exc))
