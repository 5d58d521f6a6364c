"""Keeps the pool worker polling, whatever happens to the Prefect server.

Polling is not cheap for the server, so requests to poll at once are merged: one more poll at
most waits for the one under way, and none is made for runs that another worker has taken.
"""

import asyncio
import random
from collections.abc import Collection, Mapping
from contextlib import suppress
from uuid import UUID

import structlog

from flows.pool.runs import PoolRuns
from flows.pool.worker_type import PoolWorker
from flows.runs.flow_run_client import FlowRunClient
from flows.runtime.prefect_limits import PrefectLimits

log = structlog.get_logger(__name__)

_RESTART_SECONDS = 5.0
_SIGN_OFF_SECONDS = 3.0
_SPREAD_SECONDS = 1.0  # within it one of the workers takes a run, and the others see that
_MOST_CHECKED = 100


class Polling:
    """Used only from the event loop."""

    def __init__(self, work_pool: str, name: str, limit: int) -> None:
        """`limit` bounds the runs from the pool that are under way here at the same time."""
        self._work_pool = work_pool
        self._name = name
        self._limit = limit
        self._worker: PoolWorker | None = None
        self._wanted = asyncio.Event()

    async def run(self, runs: PoolRuns, prefect_limits: PrefectLimits | None) -> None:
        """Poll for ever; start again when the server was away for too long.

        `prefect_limits` knows whether a limit counts the runs of this pool.
        """
        while True:
            worker = PoolWorker(
                work_pool_name=self._work_pool,
                name=self._name,
                create_pool_if_not_found=False,
                limit=self._limit,
            )
            worker.runs, worker.prefect_limits = runs, prefect_limits
            self._worker = worker
            try:
                await worker.start(printer=lambda *_: None)  # its log line says that it started
            except Exception as exc:  # noqa: BLE001 - whatever the reason, scheduled runs must go on later
                log.warning("polling interrupted", error=repr(exc))
            self._worker = None
            await asyncio.sleep(_RESTART_SECONDS * random.uniform(1, 2))

    async def sign_off(self) -> None:
        """Leave the pool's page: a worker that has stopped in order is not an offline one."""
        worker = self._worker
        if worker is None or not worker.is_setup:
            return
        with suppress(Exception):  # the page is the only one to miss it
            async with asyncio.timeout(_SIGN_OFF_SECONDS):
                await worker.client.request(
                    "DELETE",
                    "/work_pools/{work_pool_name}/workers/{name}",
                    path_params={"work_pool_name": self._work_pool, "name": self._name},
                )

    def wake(self) -> None:
        """Have the pool looked at now, not only when it is time."""
        self._wanted.set()

    async def look_when_woken(self) -> None:
        """Look for ever at the pool when that was asked for, once for all who ask meanwhile."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            worker = self._worker
            if worker is None or not worker.is_setup:
                continue  # it looks when it starts
            try:
                await worker.get_and_submit_flow_runs()
            except Exception as exc:  # noqa: BLE001 - the next look in its own time is soon enough
                log.debug("pool not looked at", error=repr(exc))
            if worker.lost_turn:  # who looked instead may have done so a moment too early
                self._wanted.set()
                await asyncio.sleep(random.uniform(0, _SPREAD_SECONDS))


class ScheduledRuns:
    """Wakes the polling of the pools in which runs that were scheduled still wait."""

    def __init__(self, flow_runs: FlowRunClient, pools: Mapping[str, Polling]) -> None:
        self._flow_runs = flow_runs
        self._pools = pools
        self._heard: set[UUID] = set()
        self._any = asyncio.Event()

    def hear(self, flow_run_id: UUID) -> None:
        """Note a run that is said to be scheduled."""
        self._heard.add(flow_run_id)
        self._any.set()

    async def run(self) -> None:
        """Look for ever at what was heard, a random moment later than the other workers."""
        while True:
            await self._any.wait()
            await asyncio.sleep(random.uniform(0, _SPREAD_SECONDS))
            self._any.clear()
            heard, self._heard = self._heard, set()
            for name in await self._still_waiting(heard):
                self._pools[name].wake()

    async def _still_waiting(self, flow_run_ids: Collection[UUID]) -> Collection[str]:
        """Return the pools of those that no worker has taken yet."""
        if len(flow_run_ids) > _MOST_CHECKED:
            return self._pools.keys()
        try:
            waiting = await self._flow_runs.pools_of_waiting(flow_run_ids)
        except Exception as exc:  # noqa: BLE001 - Prefect away or odd: then the poll will tell
            log.debug("runs not looked at", error=repr(exc))
            return self._pools.keys()
        return waiting & self._pools.keys()
