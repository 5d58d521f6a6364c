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

from flows.control.batch_leaders import Coordinators
from flows.coordinate_batch import coordinate_batch
from flows.execution.job_executor import Workbench
from flows.pool.chunk_runs import PolledChunks
from flows.pool.run_parameters import Wish
from flows.process_chunk import process_chunk
from flows.process_product import process_product
from flows.runs.flow_run_client import final_state, parked_state
from flows.runs.labels import JobLabel, hosts_of
from flows.runs.worker_context import Desk
from flows.runtime.event_loop import run_flow_here
from flows.runtime.resources import in_thread
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


class PolledRuns:
    """Used only from the event loop."""

    def __init__(
        self,
        desk: Desk,
        workbench: Workbench,
        *,
        chunks: PolledChunks | None = None,
        coordinators: Coordinators | None = None,
    ) -> None:
        self._chunks = chunks
        self._coordinators = coordinators
        self._desk = desk
        self._workbench = workbench
        self._others: dict[UUID, asyncio.Task[Any]] = {}
        self._cancelled: set[UUID] = set()

    async def run(self, flow: Flow[..., Any], flow_run: FlowRun) -> None:
        """Run a flow run that a poller has taken, to its end."""
        if flow is process_chunk and self._chunks is not None:
            await self._run_chunk(self._chunks, flow_run)
            return
        if flow is coordinate_batch and self._coordinators is not None:
            await self._run_coordinator(self._coordinators, flow_run)
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
            await self._desk.flow_runs.overrule(flow_run.id, admitted)
        else:
            await self._show(admitted, flow_run)

    async def _run_chunk(self, chunks: PolledChunks, flow_run: FlowRun) -> None:
        admitted = await chunks.admit(flow_run)
        if admitted is None:
            return
        if isinstance(admitted, ChunkClaim):
            await chunks.attempt(admitted, flow_run)
        elif not admitted.is_final():
            await self._desk.flow_runs.overrule(flow_run.id, admitted)
        else:
            await self._show(admitted, flow_run, flow=process_chunk)

    async def _run_coordinator(self, coordinators: Coordinators, flow_run: FlowRun) -> None:
        try:
            end = await coordinators.run_polled(flow_run)
        except ServiceUnavailable as exc:
            self._desk.gate.note(exc)
            return
        if end is not None:
            await self._show(end, flow_run, flow=coordinate_batch)

    async def _show(
        self, end: State[Any], flow_run: FlowRun, *, flow: Flow[..., Any] = process_product
    ) -> None:
        """Have the run end at once, unless the bridge has run it while we waited for the job."""
        shown = await self._desk.flow_runs.read(flow_run.id)
        if shown is None or shown.state is None or not shown.state.is_pending():
            return
        self._desk.leave(flow_run.id, end)
        try:
            await self._run_other(flow, flow_run)
        finally:
            self._desk.clear(flow_run.id, end)

    async def _attempt(self, admitted: Claim, flow_run: FlowRun) -> None:
        with self._desk.attempts.hold(admitted) as attempt:
            returned = True
            try:
                returned = await self._workbench.work(attempt, flow_run, republish=True)
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
            await self._desk.flow_runs.overrule(flow_run.id, Cancelled())
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
            self._desk.gate.note(exc)
            return None

    async def _job(self, flow_run: FlowRun) -> UUID:
        shop = self._desk.workshop
        configuration = shop.configuration
        wish = Wish.of(flow_run.parameters, configuration.presets, configuration.requests)
        if wish.job_id is not None:
            return wish.job_id
        known = await in_thread(shop.io_threads, job_of_flow_run, shop.database, flow_run.id)
        if known is not None:
            with self._only_shown(flow_run):
                await self._desk.flow_runs.refer(flow_run.id, known)
            return known
        submission = wish.submission(flow_run.id)
        submitted = await in_thread(shop.io_threads, submit, shop.database, submission)
        label = JobLabel(
            job_id=submitted.job_id,
            round=0,
            flow_run_id=flow_run.id,
            product_id=submitted.product_id,
            sku=submission.sku,
            lane=submission.lane,
            image_count=len(submitted.images),
            hosts=hosts_of(wish.image_urls),
        )
        with self._only_shown(flow_run):
            await self._desk.flow_runs.dress(flow_run.id, label)
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
            claimed = await self._desk.claim(job_id)
            if isinstance(claimed, Claim):
                return claimed
            if claimed is Unclaimed.FINAL and await self._reopen(job_id, flow_run):
                continue
            if claimed not in _WAIT_FOR or monotonic() > deadline:
                return await self._nothing_to_do(job_id, claimed, flow_run)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _reopen(self, job_id: UUID, flow_run: FlowRun) -> bool:
        """A run that was scheduled after the job's end is a wish to do it again."""
        shop = self._desk.workshop
        return await in_thread(
            shop.io_threads,
            reopen,
            shop.database,
            job_id,
            flow_run_id=flow_run.id,
            wished_at=await self._desk.flow_runs.scheduled_at(flow_run),
        )

    async def _nothing_to_do(
        self, job_id: UUID, reason: Unclaimed, flow_run: FlowRun
    ) -> State[Any]:
        standing = await self._desk.standing(job_id)
        if standing is None:
            return Failed(message=f"There is no job {job_id}.")
        if standing.state.is_final:
            message = f"Nothing to do: the job is {standing.state} already."
            return final_state(standing.state, message)
        if standing.parked_until is not None:
            return parked_state(standing.parked_until)
        if standing.flow_run_id == flow_run.id and standing.lease_is_live:
            return Running()
        message = f"Nothing to do here: the job is {standing.state} ({reason.name.lower()})."
        return Completed(message=message)
