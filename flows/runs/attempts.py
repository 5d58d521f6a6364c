"""The attempts that this process makes at jobs and chunks: keeps their leases, ends what must end.

A chunk holds the jobs that it has in hand as attempts of their own, with leases of their own. One
loop asks several times a second, for all jobs, whether one is to be cancelled, so that
cancelling takes effect soon even when no event arrives. Another says that the worker lives.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID

import structlog
from structlog.contextvars import bound_contextvars

from flows.runs.engine_start import EngineStart
from flows.runtime.circuit_breaker import CircuitBreaker
from flows.runtime.leases import LeaseKind, Leases
from flows.runtime.resources import WorkerResources, in_thread
from infra.broker.broker import Delivery
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import Lane
from infra.request_id import FIELD
from tasks.chunks.claim import ChunkClaim
from tasks.jobs.cancel import cancel_requests
from tasks.jobs.claim import Claim
from tasks.workers.heartbeat import send_heartbeat

log = structlog.get_logger(__name__)

_REPORTS_PER_LEASE = 3
_LOOK_SECONDS = 0.5


class StopReason(Enum):
    """Why an attempt must end before its work is done."""

    LOST = auto()  # another attempt owns the work now; this one must not say a word
    CANCELLED = auto()
    TIMED_OUT = auto()
    LEAVING = auto()  # the worker stops; the work goes back


AnyClaim = TypeVar("AnyClaim", Claim, ChunkClaim)


@dataclass(slots=True, eq=False)
class WorkAttempt(ABC, Generic[AnyClaim]):
    """Claimed work, the task that runs its flow, and the deliveries that wait for its end."""

    claim: AnyClaim
    flow_run_id: UUID | None = None
    halt: StopReason | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    task: asyncio.Task[object] | None = None
    beginning: EngineStart = field(default_factory=EngineStart)
    recorded: bool = False
    """Whether its end is in PostgreSQL: the lease is over, Prefect may still be told."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @abstractmethod
    def end(self, why: StopReason) -> None:
        """End the work."""

    def settle(self, *, returned: bool) -> None:
        """Give back the deliveries of what is not done, else acknowledge them."""
        for delivery in self.deliveries:
            delivery.requeue() if returned else delivery.ack()

    def _cut_off(self, task: asyncio.Task[object], why: StopReason) -> None:
        self.beginning.cancel(task, at_once=why is not StopReason.CANCELLED)


@dataclass(slots=True, eq=False)
class Attempt(WorkAttempt[Claim]):
    """An attempt at a job."""

    def end(self, why: StopReason) -> None:
        """End the work. The first reason counts, except that a lost job is lost."""
        if self.recorded and why is not StopReason.LEAVING:
            return
        if self.halt is not None and why is not StopReason.LOST:
            return
        already_ending = self.halt is not None
        self.halt = why
        if self.task is not None and not already_ending:
            self._cut_off(self.task, why)

    def begin(self) -> None:
        """Say that the flow begins its work.

        Raises:
            asyncio.CancelledError: It must end already.
        """
        self.beginning.over()
        if self.halt is not None:
            raise asyncio.CancelledError


@dataclass(slots=True, eq=False)
class ChunkAttempt(WorkAttempt[ChunkClaim]):
    """An attempt at a chunk."""

    in_hand: set[Attempt] = field(default_factory=set)
    has_begun: bool = False
    """Whether its flow has its turn: it then ends by itself soon after a halt."""
    halted: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, why: StopReason) -> None:
        """Begin no job any more. A cancelled chunk also gives back the jobs in hand."""
        if self.halt is None or why is StopReason.LOST:
            self.halt = why
        self.halted.set()
        if why is StopReason.CANCELLED:
            for attempt in list(self.in_hand):
                attempt.end(StopReason.LEAVING)
        if self.task is not None and not (self.has_begun or self.recorded):
            self._cut_off(self.task, why)

    def begin(self) -> None:
        """Say that the flow begins its work."""
        self.beginning.over()
        self.has_begun = True


AnyAttempt = TypeVar("AnyAttempt", bound=WorkAttempt[Any])


class HeldAttempts(Generic[AnyClaim, AnyAttempt]):
    """The attempts of this process at work of one kind. Used only from the event loop."""

    def __init__(
        self, leases: Leases, kind: LeaseKind, make: Callable[[AnyClaim], AnyAttempt]
    ) -> None:
        self._leases = leases
        self._kind = kind
        self._make: Callable[[AnyClaim], AnyAttempt] = make
        self._held: dict[UUID, AnyAttempt] = {}

    @contextmanager
    def hold(self, claim: AnyClaim) -> Iterator[AnyAttempt]:
        """Renew the lease while the block runs, whose log lines name the work."""
        attempt = self._make(claim)
        self._held[claim.id] = attempt
        named = self.subject(claim.id)
        if isinstance(claim, Claim) and claim.request_id is not None:
            named[FIELD] = claim.request_id
        try:
            with (
                bound_contextvars(**named),
                self._leases.kept(
                    self._kind,
                    claim,
                    lost=partial(self._lose, attempt),
                    is_over=lambda: attempt.recorded,
                ),
            ):
                yield attempt
        finally:
            if self._is_held(attempt):
                del self._held[claim.id]
            attempt.gone.set()

    def of(self, work_id: UUID) -> AnyAttempt | None:
        """Return the attempt at a job or chunk, if this process makes one."""
        return self._held.get(work_id)

    def of_run(self, flow_run_id: UUID) -> AnyAttempt | None:
        """Return the attempt that a flow run shows, if this process makes it."""
        return next((a for a in self._held.values() if a.flow_run_id == flow_run_id), None)

    def subject(self, work_id: UUID) -> dict[str, str]:
        """Return the field by which logs name a job or chunk."""
        return {f"{self._kind.name}_id": str(work_id)}

    def _lose(self, attempt: AnyAttempt) -> None:
        if self._is_held(attempt):
            log.warning("lease lost", **self.subject(attempt.claim.id))
            attempt.end(StopReason.LOST)

    def _is_held(self, attempt: AnyAttempt) -> bool:
        return self._held.get(attempt.claim.id) is attempt

    async def _wait_until_gone(self, seconds: float) -> None:
        """Wait until all have ended, but not for longer than this."""
        waits = [asyncio.create_task(attempt.gone.wait()) for attempt in self._held.values()]
        if not waits:
            return
        _, pending = await asyncio.wait(waits, timeout=seconds)
        for wait in pending:
            wait.cancel()


class Attempts(HeldAttempts[Claim, Attempt]):
    """All attempts of this process at jobs."""

    def __init__(
        self, resources: WorkerResources, owner: str, breaker: CircuitBreaker, *, leases: Leases
    ) -> None:
        kind = LeaseKind("job", resources.configuration.job.lease_seconds)
        super().__init__(leases, kind, self._begin)
        self._resources = resources
        self._owner = owner
        self._breaker = breaker

    def _begin(self, claim: Claim) -> Attempt:
        if claim.waited_seconds is not None:
            self._resources.metrics.note_wait(claim.lane, claim.waited_seconds)
        if claim.lane is Lane.INTERACTIVE:
            self._resources.pixels.expect_interactive()
        return Attempt(claim)

    async def leave(self, grace_seconds: float, patience_seconds: float) -> None:
        """Wait for the work under way; end what needs longer than the grace.

        What has not ended after the patience is left behind: its lease will expire.
        """
        await self._wait_until_gone(grace_seconds)
        late = list(self._held.values())
        if not late:
            return
        log.warning("giving back", jobs=len(late))
        for attempt in late:
            attempt.end(StopReason.LEAVING)
        await self._wait_until_gone(patience_seconds)
        for attempt in self._held.values():
            log.warning("left behind", job_id=str(attempt.claim.job_id))

    async def run(self) -> None:
        """Look for cancel requests, for ever."""
        while True:
            try:
                await self._look_for_cancels()
            except ServiceUnavailable as exc:
                self._breaker.note(exc)
            except Exception:  # it must be looked again, whatever went wrong
                log.exception("cancel requests not read")
            await asyncio.sleep(_LOOK_SECONDS)

    async def report(self) -> None:
        """Say that this worker lives, for ever."""
        resources = self._resources
        while True:
            try:
                await in_thread(
                    resources.duty_threads,
                    send_heartbeat,
                    resources.database,
                    self._owner,
                    waits_for=self._breaker.waits_for,
                )
            except ServiceUnavailable as exc:
                self._breaker.note(exc)
            except Exception:  # the next report may succeed
                log.exception("presence not reported")
            await asyncio.sleep(resources.configuration.job.lease_seconds / _REPORTS_PER_LEASE)

    async def _look_for_cancels(self) -> None:
        attempts = [attempt for attempt in self._held.values() if attempt.halt is None]
        if not attempts:
            return
        resources = self._resources
        claims = [attempt.claim for attempt in attempts]
        wanted = await in_thread(
            resources.duty_threads, cancel_requests, resources.database, claims
        )
        for attempt in attempts:
            if attempt.claim.job_id in wanted and self._is_held(attempt):
                attempt.end(StopReason.CANCELLED)


class ChunkAttempts(HeldAttempts[ChunkClaim, ChunkAttempt]):
    """All attempts of this process at chunks."""

    def __init__(self, leases: Leases, lease_seconds: float) -> None:
        super().__init__(leases, LeaseKind("chunk", lease_seconds), ChunkAttempt)

    async def leave(self, patience_seconds: float) -> None:
        """Wait for chunks to be given back; break off those that wait for a part that is away."""
        await self._wait_until_gone(patience_seconds)
        for attempt in list(self._held.values()):
            attempt.end(StopReason.LEAVING)
            if attempt.task is not None:
                attempt.task.cancel()
        await self._wait_until_gone(patience_seconds)
