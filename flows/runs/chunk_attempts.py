"""The chunks that this process works on: keeps their leases, and ends those that must end.

A chunk holds the jobs that it has in hand as attempts of their own, with leases of their own.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import structlog

from flows.runs.attempts import Attempt, StopReason, settle, wait_until_set
from flows.runs.engine_start import EngineStart
from flows.runtime.leases import LeaseKind, Leases
from infra.broker.broker import Delivery
from tasks.chunks.claim import ChunkClaim
from tasks.chunks.lease import renew_chunks

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class ChunkAttempt:
    """A claimed chunk, the task that runs its flow, and the deliveries that wait for its end."""

    claim: ChunkClaim
    flow_run_id: UUID | None = None
    halt: StopReason | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    task: asyncio.Task[object] | None = None
    beginning: EngineStart = field(default_factory=EngineStart)
    in_hand: set[Attempt] = field(default_factory=set)
    has_begun: bool = False
    """Whether its flow has its turn: it then ends by itself soon after a halt."""
    finished: bool = False
    """Whether its end is in PostgreSQL; Prefect may still be told."""
    halted: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, why: StopReason) -> None:
        """Begin no job any more. A cancelled chunk also gives back the jobs in hand."""
        if self.halt is None or why is StopReason.LOST:
            self.halt = why
        self.halted.set()
        if why is StopReason.CANCELLED:
            for attempt in list(self.in_hand):
                attempt.end(StopReason.LEAVING)
        if self.has_begun or self.finished or self.task is None:
            return
        self.beginning.cancel(self.task, at_once=why is not StopReason.CANCELLED)

    def begin(self) -> None:
        """Say that the flow begins its work."""
        self.beginning.over()
        self.has_begun = True

    def settle(self, *, returned: bool) -> None:
        """Give back the deliveries of a chunk that is not done, else acknowledge them."""
        settle(self.deliveries, returned=returned)


class ChunkAttempts:
    """All chunks of this process. Used only from the event loop."""

    def __init__(self, leases: Leases, lease_seconds: float) -> None:
        self._leases = leases
        self._kind = LeaseKind("chunk", lease_seconds, renew_chunks)
        self._held: dict[UUID, ChunkAttempt] = {}

    @contextmanager
    def hold(self, claim: ChunkClaim) -> Iterator[ChunkAttempt]:
        """Renew the lease while the block runs."""
        attempt = ChunkAttempt(claim)
        self._held[claim.chunk_id] = attempt
        try:
            with self._leases.kept(
                self._kind,
                claim,
                lost=partial(self._lost, attempt),
                is_over=lambda: attempt.finished,
            ):
                yield attempt
        finally:
            if self._held.get(claim.chunk_id) is attempt:
                del self._held[claim.chunk_id]
            attempt.gone.set()

    def of_chunk(self, chunk_id: UUID) -> ChunkAttempt | None:
        """Return the attempt at a chunk, if this process makes one."""
        return self._held.get(chunk_id)

    def of_run(self, flow_run_id: UUID) -> ChunkAttempt | None:
        """Return the attempt that a flow run shows, if this process makes it."""
        return next((a for a in self._held.values() if a.flow_run_id == flow_run_id), None)

    async def leave(self, patience_seconds: float) -> None:
        """Wait for chunks to be given back; break off those that wait for a part that is away."""
        await self._wait_until_gone(patience_seconds)
        for attempt in list(self._held.values()):
            attempt.end(StopReason.LEAVING)
            if attempt.task is not None:
                attempt.task.cancel()
        await self._wait_until_gone(patience_seconds)

    def _lost(self, attempt: ChunkAttempt) -> None:
        if self._held.get(attempt.claim.chunk_id) is attempt:
            log.warning("lease of chunk lost", chunk_id=str(attempt.claim.chunk_id))
            attempt.end(StopReason.LOST)

    async def _wait_until_gone(self, seconds: float) -> None:
        await wait_until_set([attempt.gone for attempt in self._held.values()], seconds)
