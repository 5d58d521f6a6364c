"""Runs that came through the work pool: a person's retry, a quick run, a schedule, a limit.

A run with a job id continues that job; one with image URLs becomes a new job. Both go through
the same claim as a delivery from RabbitMQ, so that no job is done twice.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Generic
from uuid import UUID

import structlog
from httpx import HTTPError
from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import Abort, Pause, PrefectException
from prefect.states import Cancelled, Completed, Failed, Running

from flows.coordinate_batch import coordinate_batch
from flows.execution.batch_leaders import BatchLeaders
from flows.execution.executor import Executor
from flows.execution.job_executor import JobExecutor
from flows.pool.run_parameters import RunParameters
from flows.process_chunk import process_chunk
from flows.process_product import process_product
from flows.runs.attempts import AnyAttempt, AnyClaim, Attempt, ChunkAttempt
from flows.runs.flow_run_client import final_state, parked_state
from flows.runs.labels import JobLabel, hosts_of
from flows.runs.worker_context import WorkerContext
from flows.runtime.event_loop import run_flow_here
from infra.contract.errors import PermanentError, ServiceUnavailable
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.claim import Claim
from tasks.jobs.lease import Unclaimed
from tasks.jobs.retry import reopen
from tasks.jobs.status import job_of_flow_run
from tasks.submission.submit import submit

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS = 15.0  # for a job that is about to be let go, or about to be due
_LOOK_SECONDS = 0.5
_WAIT_FOR = (Unclaimed.HELD_HERE, Unclaimed.HELD_ELSEWHERE, Unclaimed.PARKED)


class PolledWork(ABC, Generic[AnyClaim, AnyAttempt]):
    """Runs from the pool that stand for work of one kind."""

    def __init__(self, context: WorkerContext, executor: Executor[AnyClaim, AnyAttempt]) -> None:
        self._context = context
        self.executor: Executor[AnyClaim, AnyAttempt] = executor

    @abstractmethod
    async def _work_of(self, flow_run: FlowRun) -> UUID | State[Any]:
        """Return the job or chunk that the run is about, or what the run ends with."""

    @abstractmethod
    async def _reopen(self, work_id: UUID, flow_run: FlowRun) -> bool:
        """Queue work that has ended before the run was scheduled, as a request for a retry."""

    @abstractmethod
    async def _nothing_to_do(
        self, work_id: UUID, reason: Unclaimed, flow_run: FlowRun
    ) -> State[Any]:
        """Return what the run of work ends with that cannot be claimed."""

    async def admit(self, flow_run: FlowRun) -> AnyClaim | State[Any] | None:
        """Return a claim of the work that the run is about, or what the run ends with.

        None in an outage: the run stays pending, so that the reaper closes it and publishes the
        job that it may stand for by then.
        """
        try:
            work = await self._work_of(flow_run)
            return work if isinstance(work, State) else await self._claim(work, flow_run)
        except PermanentError as exc:
            return Failed(message=str(exc))
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
            return None

    async def _claim(self, work_id: UUID, flow_run: FlowRun) -> AnyClaim | State[Any]:
        deadline = monotonic() + _PATIENCE_SECONDS
        while True:
            claimed = await self.executor.claim(work_id)
            if not isinstance(claimed, Unclaimed):
                return claimed
            if claimed is Unclaimed.FINAL and await self._reopen(work_id, flow_run):
                continue
            if claimed not in _WAIT_FOR or monotonic() > deadline:
                return await self._nothing_to_do(work_id, claimed, flow_run)
            await asyncio.sleep(_LOOK_SECONDS)


class PolledJobs(PolledWork[Claim, Attempt]):
    """Runs that stand for jobs."""

    async def _work_of(self, flow_run: FlowRun) -> UUID:
        """Return the job that the run is about; one that has URLs becomes a new job."""
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

    async def _reopen(self, work_id: UUID, flow_run: FlowRun) -> bool:
        return await self._context.resources.db(
            reopen,
            work_id,
            flow_run_id=flow_run.id,
            wished_at=await self._context.flow_runs.scheduled_at(flow_run),
        )

    async def _nothing_to_do(
        self, work_id: UUID, reason: Unclaimed, flow_run: FlowRun
    ) -> State[Any]:
        status = await self._context.status(work_id)
        if status is None:
            return Failed(message=f"There is no job {work_id}.")
        if status.state.is_final:
            message = f"Nothing to do: the job is {status.state} already."
            return final_state(status.state, message)
        if status.parked_until is not None:
            return parked_state(status.parked_until)
        if status.flow_run_id == flow_run.id and status.lease_is_live:
            return Running()
        message = f"Nothing to do here: the job is {status.state} ({reason.name.lower()})."
        return Completed(message=message)


class PoolRuns:
    """Used only from the event loop."""

    def __init__(
        self,
        context: WorkerContext,
        job_executor: JobExecutor,
        *,
        chunks: PolledWork[ChunkClaim, ChunkAttempt] | None = None,
        batch_leaders: BatchLeaders | None = None,
    ) -> None:
        self._jobs = PolledJobs(context, job_executor)
        self._chunks = chunks
        self._batch_leaders = batch_leaders
        self._context = context
        self._others: dict[UUID, asyncio.Task[Any]] = {}
        self._cancelled: set[UUID] = set()

    async def run(self, flow: Flow[..., Any], flow_run: FlowRun) -> None:
        """Run a flow run that a poller has taken, to its end."""
        if flow is process_product:
            await self._run_work(self._jobs, flow, flow_run)
        elif flow is process_chunk and self._chunks is not None:
            await self._run_work(self._chunks, flow, flow_run)
        elif flow is coordinate_batch and self._batch_leaders is not None:
            try:
                end = await self._batch_leaders.run_polled(flow_run)
            except ServiceUnavailable as exc:
                self._context.breaker.note(exc)
                return
            if end is not None:
                await self._show(end, flow_run, coordinate_batch)
        else:
            await self._run_other(flow, flow_run)

    async def _run_work(
        self,
        work: PolledWork[AnyClaim, AnyAttempt],
        flow: Flow[..., Any],
        flow_run: FlowRun,
    ) -> None:
        admitted = await work.admit(flow_run)
        if admitted is None:
            return
        if not isinstance(admitted, State):
            await work.executor.serve_run(admitted, flow_run)
        elif not admitted.is_final():  # it is not for us to run, and shows again what it showed
            await self._context.flow_runs.force_state(flow_run.id, admitted)
        else:
            await self._show(admitted, flow_run, flow)

    async def _show(self, end: State[Any], flow_run: FlowRun, flow: Flow[..., Any]) -> None:
        """Have the run end at once, unless the bridge has run it while we waited for the job."""
        shown = await self._context.flow_runs.read(flow_run.id)
        if shown is None or shown.state is None or not shown.state.is_pending():
            return
        self._context.leave(flow_run.id, end)
        try:
            await self._run_other(flow, flow_run)
        finally:
            self._context.clear(flow_run.id, end)

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
