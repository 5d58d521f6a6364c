"""Runs that came through the work pool: a person's retry, a quick run, a schedule, a limit.

A run with a job id continues that job; one with image URLs becomes a new job. Both go through
the same claim as a delivery from RabbitMQ, so that no job is done twice.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from httpx import HTTPError
from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Abort, Pause, PrefectException
from prefect.states import Cancelled, Completed, Failed, Running

from flows.coordinate_batch import coordinate_batch
from flows.execution.batch_leaders import BatchLeaders
from flows.execution.job_executor import JobExecutor
from flows.pool.chunk_runs import PoolChunkRuns
from flows.pool.run_parameters import RunParameters
from flows.process_chunk import process_chunk
from flows.process_product import process_product
from flows.runs.flow_run_client import final_state, parked_state
from flows.runs.labels import JobLabel, hosts_of
from flows.runs.worker_context import WorkerContext
from flows.runtime.event_loop import run_flow_here
from infra.contract.errors import PermanentError, ServiceUnavailable
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Claim, Unclaimed
from tasks.jobs.retry import reopen
from tasks.jobs.status import job_of_flow_run
from tasks.submission.submit import submit

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 15.0  # for a job that is about to be let go, or about to be due
_LOOK_SECONDS = 0.5
_WAIT_FOR = (Unclaimed.HELD_HERE, Unclaimed.HELD_ELSEWHERE, Unclaimed.PARKED)


class PoolRuns:
    """Used only from the event loop."""

    def __init__(
        self,
        context: WorkerContext,
        job_executor: JobExecutor,
        *,
        chunks: PoolChunkRuns | None = None,
        batch_leaders: BatchLeaders | None = None,
    ) -> None:
        self._chunks = chunks
        self._batch_leaders = batch_leaders
        self._context = context
        self._job_executor = job_executor
        self._others: dict[UUID, asyncio.Task[Any]] = {}
        self._cancelled: set[UUID] = set()

    async def run(self, flow: Flow[..., Any], flow_run: FlowRun) -> None:
        """Run a flow run that a poller has taken, to its end."""
        if flow is process_chunk and self._chunks is not None:
            await self._run_chunk(self._chunks, flow_run)
            return
        if flow is coordinate_batch and self._batch_leaders is not None:
            await self._run_coordinator(self._batch_leaders, flow_run)
            return
        if flow is not process_product:
            await self._run_other(flow, flow_run)
            return
        admitted = await self._admit(flow_run)
        if admitted is None:
            return
        if isinstance(admitted, Claim):
            await self._attempt(admitted, flow_run)
        elif not admitted.is_final():  # it is not for us to run, and shows again what it showed
            await self._context.flow_runs.force_state(flow_run.id, admitted)
        else:
            await self._show(admitted, flow_run)

    async def _run_chunk(self, chunks: PoolChunkRuns, flow_run: FlowRun) -> None:
        admitted = await chunks.admit(flow_run)
        if admitted is None:
            return
        if isinstance(admitted, ChunkClaim):
            await chunks.attempt(admitted, flow_run)
        elif not admitted.is_final():
            await self._context.flow_runs.force_state(flow_run.id, admitted)
        else:
            await self._show(admitted, flow_run, flow=process_chunk)

    async def _run_coordinator(self, batch_leaders: BatchLeaders, flow_run: FlowRun) -> None:
        try:
            end = await batch_leaders.run_polled(flow_run)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return
        if end is not None:
            await self._show(end, flow_run, flow=coordinate_batch)

    async def _show(
        self, end: State[Any], flow_run: FlowRun, *, flow: Flow[..., Any] = process_product
    ) -> None:
        """Have the run end at once, unless the bridge has run it while we waited for the job."""
        shown = await self._context.flow_runs.read(flow_run.id)
        if shown is None or shown.state is None or not shown.state.is_pending():
            return
        self._context.leave(flow_run.id, end)
        try:
            await self._run_other(flow, flow_run)
        finally:
            self._context.clear(flow_run.id, end)

    async def _attempt(self, admitted: Claim, flow_run: FlowRun) -> None:
        with self._context.attempts.hold(admitted) as attempt:
            returned = True
            try:
                returned = await self._job_executor.work(attempt, flow_run, republish=True)
            finally:
                attempt.settle(returned=returned)

    def is_running(self, flow_run_id: UUID) -> bool:
        """Whether a run that is no attempt at a job is under way here."""
        return flow_run_id in self._others

    def cancel(self, flow_run_id: UUID) -> None:
        """End a run that is no attempt at a job."""
        task = self._others.get(flow_run_id)
        if task is not None and flow_run_id not in self._cancelled:
            self._cancelled.add(flow_run_id)
            task.cancel()

    async def _run_other(self, flow: Flow[..., Any], flow_run: FlowRun) -> None:
        task = asyncio.create_task(run_flow_here(flow, flow_run))
        self._others[flow_run.id] = task
        try:
            await task
        except asyncio.CancelledError:
            if flow_run.id not in self._cancelled:
                raise
            await self._context.flow_runs.force_state(flow_run.id, Cancelled())
        except (Abort, Pause) as exc:  # the server's word: the run is not for us to end
            log.info("run left", flow_run_id=str(flow_run.id), reason=str(exc))
        finally:
            self._others.pop(flow_run.id, None)
            self._cancelled.discard(flow_run.id)

    async def _admit(self, flow_run: FlowRun) -> Claim | State[Any] | None:
        """Return a claim of the job that the run is about, or what the run ends with.

        None in an outage: the run stays pending, so that the reaper closes it and publishes the
        job that it may stand for by then.
        """
        try:
            job_id = await self._job(flow_run)
            return await self._claim(job_id, flow_run)
        except PermanentError as exc:
            return Failed(message=str(exc))
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return None

    async def _job(self, flow_run: FlowRun) -> UUID:
        resources = self._context.resources
        configuration = resources.configuration
        run_parameters = RunParameters.of(
            flow_run.parameters, configuration.presets, configuration.requests
        )
        if run_parameters.job_id is not None:
            return run_parameters.job_id
        known = await resources.db(job_of_flow_run, flow_run.id)
        if known is not None:
            with self._only_shown(flow_run):
                await self._context.flow_runs.refer(flow_run.id, known)
            return known
        submission = run_parameters.submission(flow_run.id)
        submitted = await resources.db(submit, submission)
        label = JobLabel(
            job_id=submitted.job_id,
            round=0,
            flow_run_id=flow_run.id,
            product_id=submitted.product_id,
            sku=submission.sku,
            lane=submission.lane,
            image_count=len(submitted.images),
            hosts=hosts_of(run_parameters.image_urls),
        )
        with self._only_shown(flow_run):
            await self._context.flow_runs.label_run(flow_run.id, label)
        return submitted.job_id

    @contextmanager
    def _only_shown(self, flow_run: FlowRun) -> Iterator[None]:
        """Let no trouble with what a run shows cost its job."""
        try:
            yield
        except (HTTPError, PrefectException) as exc:
            log.warning("run still shows its URLs", flow_run_id=str(flow_run.id), error=repr(exc))

    async def _claim(self, job_id: UUID, flow_run: FlowRun) -> Claim | State[Any]:
        deadline = monotonic() + _PATIENCE_SECONDS
        while True:
            claimed = await self._context.claim(job_id)
            if isinstance(claimed, Claim):
                return claimed
            if claimed is Unclaimed.FINAL and await self._reopen(job_id, flow_run):
                continue
            if claimed not in _WAIT_FOR or monotonic() > deadline:
                return await self._nothing_to_do(job_id, claimed, flow_run)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _reopen(self, job_id: UUID, flow_run: FlowRun) -> bool:
        """A run that was scheduled after the job's end is a request for a retry."""
        resources = self._context.resources
        return await resources.db(
            reopen,
            job_id,
            flow_run_id=flow_run.id,
            wished_at=await self._context.flow_runs.scheduled_at(flow_run),
        )

    async def _nothing_to_do(
        self, job_id: UUID, reason: Unclaimed, flow_run: FlowRun
    ) -> State[Any]:
        status = await self._context.status(job_id)
        if status is None:
            return Failed(message=f"There is no job {job_id}.")
        if status.state.is_final:
            message = f"Nothing to do: the job is {status.state} already."
            return final_state(status.state, message)
        if status.parked_until is not None:
            return parked_state(status.parked_until)
        if status.flow_run_id == flow_run.id and status.lease_is_live:
            return Running()
        message = f"Nothing to do here: the job is {status.state} ({reason.name.lower()})."
        return Completed(message=message)
