"""Keeps the leases of all jobs that this process works on.

Every few seconds one statement renews them. A job that is not ours any more has its run
stopped without a word to Prefect, because another attempt speaks for it now.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog

from flows.workshop import Workshop, in_thread
from infra.errors import ServiceUnavailable
from tasks.claim import Claim
from tasks.lease import renew

log = structlog.get_logger(__name__)

_RENEWALS_PER_LEASE = 3


@dataclass(slots=True)
class Holding:
    """A claimed job and the asyncio task that works on it."""

    claim: Claim
    task: asyncio.Task[object]
    lost: bool = False


class LeaseKeeper:
    """Runs in the event loop; not for other threads."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._held: dict[UUID, Holding] = {}

    @contextmanager
    def hold(self, claim: Claim) -> Iterator[Holding]:
        """Renew the lease while the block runs; cancel its task when the lease is lost."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a lease is held by an asyncio task")
        holding = Holding(claim, task)
        self._held[claim.job_id] = holding
        try:
            yield holding
        finally:
            del self._held[claim.job_id]

    async def run(self) -> None:
        """Renew for ever."""
        settings = self._workshop.configuration.worker
        while True:
            await asyncio.sleep(settings.lease_seconds / _RENEWALS_PER_LEASE)
            try:
                await self._renew()
            except ServiceUnavailable as exc:
                log.warning("leases not renewed", code=exc.code)

    async def _renew(self) -> None:
        holdings = list(self._held.values())
        if not holdings:
            return
        ours = await in_thread(
            self._workshop.io_threads,
            renew,
            self._workshop.database,
            [holding.claim for holding in holdings],
            self._workshop.configuration.worker,
        )
        for holding in holdings:
            still_here = self._held.get(holding.claim.job_id) is holding
            if still_here and holding.claim.job_id not in ours:
                log.warning("lease lost", job_id=str(holding.claim.job_id))
                holding.lost = True
                holding.task.cancel()
