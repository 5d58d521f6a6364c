"""Closes what nobody works on any more, so that nothing shows Running for ever.

A killed process tells nobody that it is gone. Leases in PostgreSQL do: the job of an expired
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

from flows.pool.runs import PolledRuns
from flows.runs.flow_run_client import UNFINISHED_TASK_RUNS, end_of
from flows.runs.worker_context import Desk
from flows.runtime.resources import in_thread
from infra.contract.errors import ServiceUnavailable
from tasks.chunks.reclaim import reclaim_lost_chunks
from tasks.chunks.status import BulkStanding, bulk_standings
from tasks.jobs.reclaim import reclaim_lost, republish
from tasks.jobs.status import Standing, standings_by_flow_run
from tasks.workers.heartbeat import ALIVE_WITHIN_SECONDS, present_workers

log = structlog.get_logger(__name__)

_ACTIVE = (StateType.RUNNING, StateType.CANCELLING, StateType.PENDING)


class Reaper:
    """Used only from the event loop."""

    def __init__(self, desk: Desk, client: PrefectClient, polled_runs: PolledRuns) -> None:
        self._desk = desk
        self._client = client
        self._polled_runs = polled_runs
        self._timings = desk.workshop.configuration.timings

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._timings.reaper_seconds * random.uniform(0.8, 1.2))
            if not self._desk.gate.is_open:
                continue
            try:
                await self.reap()
            except ServiceUnavailable as exc:
                self._desk.gate.note(exc)
            except Exception as exc:  # noqa: BLE001 - Prefect away: look again later
                log.warning("reaper interrupted", error=repr(exc))

    async def reap(self) -> None:
        """Look once."""
        shop = self._desk.workshop
        grace = shop.configuration.job.lease_seconds / 3  # whoever holds it renews that often
        lost = await in_thread(shop.io_threads, reclaim_lost, shop.database, grace_seconds=grace)
        for job_id in lost:
            log.warning("job reclaimed", job_id=str(job_id))
        chunks = await in_thread(
            shop.io_threads, reclaim_lost_chunks, shop.database, grace_seconds=grace
        )
        for chunk_id in chunks:
            log.warning("chunk reclaimed", chunk_id=str(chunk_id))
        await self._close_flow_runs()
        await self._close_task_runs()

    async def _close_flow_runs(self) -> None:
        active = [
            flow_run
            for flow_run in await self._desk.flow_runs.in_states(_ACTIVE)
            if flow_run.state is not None and not self._is_fresh(flow_run.state.timestamp)
        ]
        if not active:
            return
        for flow_run, _ in await self._dead(active):
            await self._close(flow_run.id)

    async def _dead(self, flow_runs: Sequence[FlowRun]) -> list[tuple[FlowRun, Standing | None]]:
        """Return those that no living process stands behind, and where their jobs stand."""
        shop = self._desk.workshop
        ids = [flow_run.id for flow_run in flow_runs]
        standings = await in_thread(shop.io_threads, standings_by_flow_run, shop.database, ids)
        bulk = await in_thread(shop.io_threads, bulk_standings, shop.database, ids)
        present = await in_thread(
            shop.io_threads, present_workers, shop.database, ALIVE_WITHIN_SECONDS
        )
        return [
            (run, standings.get(run.id))
            for run in flow_runs
            if not (
                self._bulk_is_alive(run, bulk[run.id])
                if run.id in bulk
                else self._is_alive(run, standings.get(run.id), present)
            )
        ]

    def _is_alive(
        self, flow_run: FlowRun, standing: Standing | None, present: frozenset[str]
    ) -> bool:
        if standing is not None:
            if standing.state.is_final:
                return self._is_fresh(standing.finished_at)
            return standing.lease_is_live
        owner = flow_run.infrastructure_pid
        if owner == self._desk.owner:
            return self._polled_runs.is_running(flow_run.id)
        return owner in present

    def _bulk_is_alive(self, flow_run: FlowRun, standing: BulkStanding) -> bool:
        """A run that was made for somebody who has not begun yet waits, and is alive."""
        if standing.is_done:
            return self._is_fresh(standing.finished_at)
        is_pending = flow_run.state is not None and flow_run.state.type is StateType.PENDING
        return standing.lease_is_live or is_pending

    def _is_fresh(self, moment: datetime | None) -> bool:
        """Whether the worker that changed it may still be about to tell Prefect."""
        settling = timedelta(seconds=self._timings.settling_seconds)
        return moment is not None and datetime.now(UTC) - moment < settling

    async def _close(self, flow_run_id: UUID) -> None:
        """Look again first: a job may have been claimed since, and its run be alive."""
        flow_run = await self._desk.flow_runs.read(flow_run_id)
        if flow_run is None or flow_run.state is None or flow_run.state.type not in _ACTIVE:
            return
        if self._is_fresh(flow_run.state.timestamp):
            return
        for dead, standing in await self._dead([flow_run]):
            await self._end(dead, standing)

    async def _end(self, flow_run: FlowRun, standing: Standing | None) -> None:
        state = _ending(flow_run, standing)
        log.warning(
            "run closed", flow_run_id=str(flow_run.id), name=flow_run.name, state=state.name
        )
        await self._desk.flow_runs.close(flow_run.id, state)
        if standing is not None and not standing.state.is_final:
            shop = self._desk.workshop
            await in_thread(shop.io_threads, republish, shop.database, [standing.job_id])

    async def _close_task_runs(self) -> None:
        left = await self._client.read_task_runs(
            flow_run_filter=await self._desk.flow_runs.filter(sorted(TERMINAL_STATES)),
            task_run_filter=UNFINISHED_TASK_RUNS,
        )
        old = {
            task_run.flow_run_id
            for task_run in left
            if task_run.state is not None and not self._is_fresh(task_run.state.timestamp)
        }
        closed = await self._desk.flow_runs.close_task_runs([run for run in old if run is not None])
        if closed:
            log.warning("task runs closed", count=closed)


def _ending(flow_run: FlowRun, standing: Standing | None) -> State[Any]:
    if standing is not None and standing.state.is_final:
        return end_of(standing)
    if flow_run.state is not None and flow_run.state.type is StateType.CANCELLING:
        return Cancelled(message="Nobody worked on it any more.")
    return Crashed(message="The worker that ran this is gone.")
