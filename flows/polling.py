"""Keeps the pool worker polling, whatever happens to the Prefect server."""

import asyncio
import random

import structlog

from flows.pool_worker import PoolWorker

log = structlog.get_logger(__name__)

_RESTART_SECONDS = 5.0


async def poll(work_pool: str, name: str) -> None:
    """Poll for ever; start again when the server was away for too long."""
    while True:
        worker = PoolWorker(work_pool_name=work_pool, name=name, create_pool_if_not_found=False)
        try:
            await worker.start(printer=_silent)
        except Exception as exc:  # noqa: BLE001 - whatever the reason, scheduled runs must go on later
            log.warning("polling interrupted", error=repr(exc))
        await asyncio.sleep(_RESTART_SECONDS * random.uniform(1, 2))


def _silent(*_: object) -> None:
    """Say nothing: the worker's own log line tells that it started."""
