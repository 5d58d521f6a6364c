"""Makes it true for a job that somebody cancelled its run in Prefect.

An event says so at once; a look at all runs that are being cancelled, every few seconds, catches
what was missed.
"""

import asyncio
from time import monotonic
from uuid import UUID

import structlog
from prefect.client.schemas.objects import StateType

from flows.attempts import Halt
from flows.desk import Desk
from flows.flow_runs import STOPPED
from flows.polled_runs import PolledRuns
from flows.workshop import in_thread
from infra.errors import ServiceUnavailable
from tasks.cancel import cancel_flow_run
from tasks.standing import recently_cancelled

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 10.0
_OVERLAP_SECONDS = 60.0  # an attempt that was cut off may still have had its say
_BEFORE_SECONDS = 600.0  # what this worker looks back on when it starts


class Cancelling:
    """Used only from the event loop."""

    def __init__(self, desk: Desk, polled_runs: PolledRuns) -> None:
        self._desk = desk
        self._polled_runs = polled_runs

    async def look(self) -> None:
        """Look for ever at runs that are being cancelled, and at jobs that were cancelled."""
        looked_at = monotonic() - _BEFORE_SECONDS
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._desk.gate.is_open:
                continue
            begun = monotonic()
            try:
                for flow_run in await self._desk.flow_runs.in_states([StateType.CANCELLING]):
                    await self.hear(flow_run.id)
                await self._show_cancelled(begun - looked_at + _OVERLAP_SECONDS)
            except Exception as exc:  # noqa: BLE001 - Prefect away: look again later
                log.debug("not looking", error=repr(exc))
            else:
                looked_at = begun

    async def _show_cancelled(self, within_seconds: float) -> None:
        """A job that waited for its time ends at once, and nobody is there to tell Prefect.

        Looks back to the last complete look, however long ago an outage has made that.
        """
        shop = self._desk.workshop
        cancelled = await in_thread(
            shop.io_threads, recently_cancelled, shop.database, within_seconds
        )
        for standing in cancelled:
            if self._desk.attempts.of_job(standing.job_id) is None:
                await self._desk.flow_runs.show_end(standing)

    async def hear(self, flow_run_id: UUID) -> None:
        """Look at a run that is said to be cancelled. Raises nothing."""
        try:
            await self.cancel(flow_run_id)
        except ServiceUnavailable as exc:
            self._desk.gate.note(exc)
        except Exception:  # one run that cannot be cancelled must not deafen us to the others
            log.exception("run not cancelled", flow_run_id=str(flow_run_id))

    async def cancel(self, flow_run_id: UUID) -> None:
        """Cancel what a run stands for, and make the run show it when nobody else will.

        Only if the run is being cancelled now: events come again after a connection was lost,
        and the run may have been retried since.
        """
        flow_run = await self._desk.flow_runs.read(flow_run_id)
        if flow_run is None or flow_run.state is None or flow_run.state.type not in STOPPED:
            return
        shop = self._desk.workshop
        standing = await in_thread(shop.io_threads, cancel_flow_run, shop.database, flow_run_id)
        if standing is None:
            self._polled_runs.cancel(flow_run_id)
            return
        attempt = self._desk.attempts.of_job(standing.job_id)
        if standing.state.is_final and attempt is None:
            await self._desk.flow_runs.show_end(standing)
        elif attempt is not None and not standing.state.is_final:
            attempt.end(Halt.CANCELLED)
