"""Cancels the job of a run that was cancelled in Prefect.

An event says so at once, and no other event is waited for; a look at all runs that are being
cancelled, every few seconds, catches what was missed.
"""

import asyncio
from time import monotonic
from uuid import UUID

import structlog
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled

from flows.execution.batch_leaders import BatchLeaders
from flows.pool.runs import PoolRuns
from flows.runs.attempts import StopReason
from flows.runs.flow_run_client import is_stopped
from flows.runs.worker_context import WorkerContext
from infra.contract.errors import ServiceUnavailable
from tasks.chunks.finish import Release, release_run
from tasks.jobs.cancel import cancel_flow_run
from tasks.jobs.status import recently_cancelled

log = structlog.get_logger(__name__)

_OVERLAP_SECONDS = 60.0  # an attempt that was cut off may still have had its say
_BEFORE_SECONDS = 600.0  # what this worker looks back on when it starts
_AT_ONCE = 4  # runs that are cancelled at the same time: people cancel hundreds with a click


class Cancellation:
    """Used only from the event loop."""

    def __init__(
        self, context: WorkerContext, polled_runs: PoolRuns, batch_leaders: BatchLeaders
    ) -> None:
        self._context = context
        self._polled_runs = polled_runs
        self._batch_leaders = batch_leaders
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._waiting: set[UUID] = set()
        self._under_way: set[asyncio.Task[None]] = set()

    def hear(self, flow_run_id: UUID) -> None:
        """Look soon at a run that is said to be cancelled; returns at once."""
        if flow_run_id in self._waiting:
            return
        self._waiting.add(flow_run_id)
        task = asyncio.create_task(self._follow(flow_run_id))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _follow(self, flow_run_id: UUID) -> None:
        async with self._at_once:
            self._waiting.discard(flow_run_id)  # what is heard from now on is another look
            await self.try_to_cancel(flow_run_id)

    async def look(self) -> None:
        """Look for ever at runs that are being cancelled, and at jobs that were cancelled."""
        resources = self._context.resources
        looked_at = monotonic() - _BEFORE_SECONDS
        while True:
            await asyncio.sleep(resources.configuration.timings.cancel_look_seconds)
            if not self._context.breaker.is_admitting:
                continue
            begun = monotonic()
            try:
                for flow_run in await self._context.flow_runs.in_states([StateType.CANCELLING]):
                    await self.try_to_cancel(flow_run.id)
                # A parked job ends at once, and no worker is there to tell Prefect. Looks back to
                # the last complete look, however long ago an outage has made that.
                within_seconds = begun - looked_at + _OVERLAP_SECONDS
                for status in await resources.db(recently_cancelled, within_seconds):
                    if self._context.attempts.of(status.job_id) is None:
                        await self._context.flow_runs.show_end(status)
            except Exception as exc:  # noqa: BLE001 - Prefect away: look again later
                log.debug("not looking", error=repr(exc))
            else:
                looked_at = begun

    async def try_to_cancel(self, flow_run_id: UUID) -> None:
        """Look at a run that is said to be cancelled. Raises nothing."""
        try:
            await self.cancel(flow_run_id)
        except ServiceUnavailable as exc:
            self._context.breaker.note(exc)
        except Exception:  # one run that cannot be cancelled must not deafen us to the others
            log.exception("run not cancelled", flow_run_id=str(flow_run_id))

    async def cancel(self, flow_run_id: UUID) -> None:
        """Cancel the work of a run, and make the run show it when no worker will.

        Only if the run is being cancelled now: events come again after a connection was lost,
        and the run may have been retried since.
        """
        flow_run = await self._context.flow_runs.read(flow_run_id)
        if flow_run is None or not is_stopped(flow_run.state):
            return
        status = await self._context.resources.db(cancel_flow_run, flow_run_id)
        if status is None:
            await self._cancel_other(flow_run)
            return
        attempt = self._context.attempts.of(status.job_id)
        if attempt is not None:
            # Even if the job has ended: one whose lease had run out was ended without its attempt.
            attempt.end(StopReason.CANCELLED)
        elif status.state.is_final:
            await self._context.flow_runs.show_end(status)

    async def _cancel_other(self, flow_run: FlowRun) -> None:
        """A chunk gives its jobs back to the batch, a coordinator's batch is cancelled."""
        chunk = self._context.chunks.of_run(flow_run.id)
        if chunk is not None:
            chunk.end(StopReason.CANCELLED)
            return
        release = await self._context.resources.db(release_run, flow_run.id)
        if (
            release is Release.ENDED
            and flow_run.state is not None
            and not flow_run.state.is_final()
        ):
            await self._context.flow_runs.close(flow_run.id, Cancelled())
        elif release is Release.NOT_A_CHUNK and not await self._batch_leaders.cancel_run(
            flow_run.id
        ):
            self._polled_runs.cancel(flow_run.id)
