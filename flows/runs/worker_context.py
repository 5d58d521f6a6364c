"""Where whoever starts a flow run leaves what the flow has to work on.

A flow gets only its parameters from Prefect. What it needs besides lies here under the id of
its flow run: an attempt at a job, or the answer that there is nothing to do.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from prefect import State

from flows.runs.attempts import Attempt, Attempts
from flows.runs.chunk_attempts import ChunkAttempts
from flows.runs.flow_run_client import FlowRuns
from flows.runtime.adaptive_limit import Pace
from flows.runtime.circuit_breaker import Gate
from flows.runtime.leases import Leases
from flows.runtime.resources import Workshop, in_thread
from infra.contract.errors import ServiceUnavailable
from infra.process_name import process_name
from tasks.chunks.claim import ChunkClaim, claim_chunk
from tasks.chunks.lease import give_back_chunk
from tasks.jobs.claim import Claim, Unclaimed, claim
from tasks.jobs.lease import give_back
from tasks.jobs.status import Standing, read_standing

Claimed = TypeVar("Claimed", Claim, ChunkClaim)
Ticket = Attempt | State[Any] | object
"""An attempt at a job, the work of a chunk, or the answer that there is nothing to do."""


class Desk:
    """One per process. Used only from the event loop."""

    def __init__(self, workshop: Workshop, gate: Gate, flow_runs: FlowRuns) -> None:
        self.workshop = workshop
        self.gate = gate
        self.flow_runs = flow_runs
        self.owner = f"{process_name()}-{uuid4().hex[:8]}"
        settings = workshop.configuration
        self.leases = Leases(workshop, gate)
        self.attempts = Attempts(workshop, self.owner, gate, leases=self.leases)
        self.chunks = ChunkAttempts(self.leases, settings.job.lease_seconds)
        self.pace = Pace(settings.worker.slots)
        self.bulk_pace = Pace(workshop.bulk_slot_count)
        self._tickets: dict[UUID, Ticket] = {}

    async def claim(self, job_id: UUID) -> Claim | Unclaimed:
        """Claim a job for this process. Raises `ServiceUnavailable`.

        When the caller is cancelled meanwhile, a claim that was made goes back uncounted.
        """
        return await self._claim(partial(claim, self.workshop.database, job_id), give_back)

    async def claim_chunk(self, chunk_id: UUID) -> ChunkClaim | Unclaimed:
        """Claim a chunk likewise. Raises `ServiceUnavailable`."""
        take = partial(claim_chunk, self.workshop.database, chunk_id)
        return await self._claim(take, give_back_chunk)

    async def _claim(
        self, take: Callable[..., Claimed | Unclaimed], undo: Callable[..., bool]
    ) -> Claimed | Unclaimed:
        shop = self.workshop
        settings = shop.configuration.job
        claiming = asyncio.ensure_future(
            in_thread(shop.io_threads, take, owner=self.owner, settings=settings)
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with suppress(ServiceUnavailable):
                claimed = await claiming
                if not isinstance(claimed, Unclaimed):
                    give = partial(undo, shop.database, claimed, counts=False, republish=True)
                    await in_thread(shop.io_threads, give)
            raise

    async def standing(self, job_id: UUID) -> Standing | None:
        """Return where a job stands. Raises `ServiceUnavailable`."""
        shop = self.workshop
        return await in_thread(shop.io_threads, read_standing, shop.database, job_id)

    def leave(self, flow_run_id: UUID, ticket: Ticket) -> None:
        """Leave a ticket for a flow run that is about to start."""
        self._tickets[flow_run_id] = ticket

    def take(self, flow_run_id: UUID) -> Ticket:
        """Return the ticket of a flow run that has started."""
        try:
            return self._tickets[flow_run_id]
        except KeyError:
            raise RuntimeError(
                "Nobody left work for this run: start it through the work pool or the API."
            ) from None

    def clear(self, flow_run_id: UUID, ticket: Ticket) -> None:
        """Forget the ticket of a flow run that has ended, unless a newer one lies there."""
        if self._tickets.get(flow_run_id) is ticket:
            del self._tickets[flow_run_id]


_desks: list[Desk] = []


def install_desk(desk: Desk) -> None:
    """Make the desk the one that flows of this process use."""
    _desks[:] = [desk]


def current_desk() -> Desk:
    """Return the desk of this process."""
    if not _desks:
        raise RuntimeError("No desk is installed: flows of this project run in `flows.worker`.")
    return _desks[0]
