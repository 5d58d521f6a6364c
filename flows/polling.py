"""Keeps the pool worker polling, whatever happens to the Prefect server."""

import asyncio
import random
from contextlib import suppress

import structlog

from flows.polled_runs import PolledRuns
from flows.pool_worker import PoolWorker
from flows.traffic import Traffic

log = structlog.get_logger(__name__)

_RESTART_SECONDS = 5.0
_SIGN_OFF_SECONDS = 3.0


class Polling:
    """Used only from the event loop."""

    def __init__(self, work_pool: str, name: str, limit: int) -> None:
        """`limit` bounds the runs from the pool that are under way here at the same time."""
        self._work_pool = work_pool
        self._name = name
        self._limit = limit
        self._worker: PoolWorker | None = None

    async def run(self, runs: PolledRuns, traffic: Traffic | None) -> None:
        """Poll for ever; start again when the server was away for too long.

        `traffic` knows whether somebody counts the runs of this pool.
        """
        while True:
            worker = PoolWorker(
                work_pool_name=self._work_pool,
                name=self._name,
                create_pool_if_not_found=False,
                limit=self._limit,
            )
            worker.runs, worker.traffic = runs, traffic
            self._worker = worker
            try:
                await worker.start(printer=_silent)
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

    async def nudge(self) -> None:
        """Look at the pool now, not only when it is time."""
        worker = self._worker
        if worker is not None and worker.is_setup:
            with suppress(Exception):  # the next look in its own time is soon enough
                await worker.get_and_submit_flow_runs()


def _silent(*_: object) -> None:
    """Say nothing: the worker's own log line tells that it started."""
