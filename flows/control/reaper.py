"""Closes orphaned jobs and runs, so that nothing shows Running for ever.

A killed process cannot report that it is gone. Leases in PostgreSQL do: the job of an expired
lease goes back to the queue, and runs and task runs that no living process stands behind are
closed as crashed. Every worker does this; doing it twice is harmless.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from prefect import State
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.states import Cancelled, Crashed

from flows.pool.runs import PoolRuns
from flows.runs.flow_run_client import UNFINISHED_TASK_RUNS, end_of
from flows.runs.worker_context import WorkerContext
from infra.contract.errors import ServiceUnavailable
from infra.db.models.batches import Chunk
from infra.db.models.jobs import Job
from tasks.chunks.status import BulkStatus, bulk_statuses
from tasks.jobs.reclaim import reclaim_lost, republish
from tasks.jobs.status import JobStatus, statuses_by_flow_run
from tasks.workers.heartbeat import ALIVE_WITHIN_SECONDS, live_workers

log = structlog.get_logger(__name__)

_ACTIVE = (StateType.RUNNING, StateType.CANCELLING, StateType.PENDING)


class Reaper:
    """Used only from the event loop."""

    def __init__(
        self, context: WorkerContext, client: PrefectClient, polled_runs: PoolRuns
    ) -> None:
        self._context = context
        self._client = client
        self._polled_runs = polled_runs
        self._timings = context.resources.configuration.timings

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._timings.reaper_seconds * random.uniform(0.8, 1.2))
            if not self._context.breaker.is_admitting:
                continue
            try:
                await self.reap()
            except ServiceUnavailable as exc:
                self._context.breaker.note(exc)
            except Exception as exc:  # noqa: BLE001 - Prefect away: look again later
                log.warning("reaper interrupted", error=repr(exc))

    async def reap(self) -> None:
        """Look once."""
        resources = self._context.resources
        grace = resources.configuration.job.lease_seconds / 3  # its holder renews that often
        lost = await resources.db(reclaim_lost, Job, grace_seconds=grace)
        for job_id in lost:
            log.warning("job reclaimed", job_id=str(job_id))
        chunks = await resources.db(reclaim_lost, Chunk, grace_seconds=grace)
        for chunk_id in chunks:
            log.warning("chunk reclaimed", chunk_id=str(chunk_id))
        active = [
            flow_run
            for flow_run in await self._context.flow_runs.in_states(_ACTIVE)
            if flow_run.state is not None and not self._is_fresh(flow_run.state.timestamp)
        ]
        if active:
            for flow_run, _ in await self._dead(active):
                await self._close(flow_run.id)
        await self._close_task_runs()

    async def _dead(self, flow_runs: Sequence[FlowRun]) -> list[tuple[FlowRun, JobStatus | None]]:
        """Return those that no living process stands behind, and where their jobs stand."""
        resources = self._context.resources
        ids = [flow_run.id for flow_run in flow_runs]
        statuses = await resources.db(statuses_by_flow_run, ids)
        bulk = await resources.db(bulk_statuses, ids)
        present = await resources.db(live_workers, ALIVE_WITHIN_SECONDS)
        return [
            (run, statuses.get(run.id))
            for run in flow_runs
            if not (
                self._bulk_is_alive(run, bulk[run.id])
                if run.id in bulk
                else self._is_alive(run, statuses.get(run.id), present)
            )
        ]

    def _is_alive(
        self, flow_run: FlowRun, status: JobStatus | None, present: frozenset[str]
    ) -> bool:
        if status is not None:
            if status.state.is_final:
                return self._is_fresh(status.finished_at)
            return status.lease_is_live
        owner = flow_run.infrastructure_pid
        if owner == self._context.owner:
            return self._polled_runs.is_running(flow_run.id)
        return owner in present

    def _bulk_is_alive(self, flow_run: FlowRun, status: BulkStatus) -> bool:
        """A run whose worker has not begun yet waits, and is alive."""
        if status.is_done:
            return self._is_fresh(status.finished_at)
        is_pending = flow_run.state is not None and flow_run.state.type is StateType.PENDING
        return status.lease_is_live or is_pending

    def _is_fresh(self, moment: datetime | None) -> bool:
        """Whether the worker that changed it may still be about to tell Prefect."""
        settling = timedelta(seconds=self._timings.settling_seconds)
        return moment is not None and datetime.now(UTC) - moment < settling

    async def _close(self, flow_run_id: UUID) -> None:
        """Look again first: a job may have been claimed since, and its run be alive."""
        flow_run = await self._context.flow_runs.read(flow_run_id)
        if flow_run is None or flow_run.state is None or flow_run.state.type not in _ACTIVE:
            return
        if self._is_fresh(flow_run.state.timestamp):
            return
        for dead, status in await self._dead([flow_run]):
            state = _ending(dead, status)
            log.warning("run closed", flow_run_id=str(dead.id), name=dead.name, state=state.name)
            await self._context.flow_runs.close(dead.id, state)
            if status is not None and not status.state.is_final:
                await self._context.resources.db(republish, [status.job_id])

    async def _close_task_runs(self) -> None:
        left = await self._client.read_task_runs(
            flow_run_filter=await self._context.flow_runs.filter(sorted(TERMINAL_STATES)),
            task_run_filter=UNFINISHED_TASK_RUNS,
        )
        old = {
            task_run.flow_run_id
            for task_run in left
            if task_run.state is not None and not self._is_fresh(task_run.state.timestamp)
        }
        closed = await self._context.flow_runs.close_task_runs(
            [run for run in old if run is not None]
        )
        if closed:
            log.warning("task runs closed", count=closed)


def _ending(flow_run: FlowRun, status: JobStatus | None) -> State[Any]:
    if status is not None and status.state.is_final:
        return end_of(status)
    if flow_run.state is not None and flow_run.state.type is StateType.CANCELLING:
        return Cancelled(message="No worker holds this work any more.")
    return Crashed(message="The worker that ran this is gone.")
