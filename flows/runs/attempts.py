"""The attempts that this process makes: keeps their leases, and ends those that must end.

One loop asks several times a second, for all of them, whether a job is to be cancelled, so
that cancelling takes effect soon even when no event arrives. Another says that the worker lives.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from uuid import UUID

import structlog

from flows.runs.engine_start import EngineStart
from flows.runtime.circuit_breaker import CircuitBreaker
from flows.runtime.leases import LeaseKind, Leases
from flows.runtime.resources import WorkerResources, in_thread
from infra.broker.broker import Delivery
from infra.contract.errors import ServiceUnavailable
from infra.contract.states import Lane
from tasks.jobs.claim import Claim
from tasks.jobs.lease import cancel_requests, renew
from tasks.workers.heartbeat import send_heartbeat

log = structlog.get_logger(__name__)

_REPORTS_PER_LEASE = 3
_LOOK_SECONDS = 0.5


class StopReason(Enum):
    """Why an attempt must end before its work is done."""

    LOST = auto()  # another attempt owns the job now; this one must not say a word
    CANCELLED = auto()
    TIMED_OUT = auto()
    LEAVING = auto()  # the worker stops; the job goes back


@dataclass(slots=True, eq=False)
class Attempt:
    """A claimed job, the task that runs its flow, and the deliveries that wait for its end."""

    claim: Claim
    flow_run_id: UUID | None = None
    halt: StopReason | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    task: asyncio.Task[object] | None = None
    beginning: EngineStart = field(default_factory=EngineStart)
    recorded: bool = False
    """Whether its outcome is in PostgreSQL: the lease is over, Prefect may still be told."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, why: StopReason) -> None:
        """End the work. The first reason counts, except that a lost job is lost."""
        if self.recorded and why is not StopReason.LEAVING:
            return
        if self.halt is not None and why is not StopReason.LOST:
            return
        already_ending = self.halt is not None
        self.halt = why
        if self.task is None or already_ending:
            return
        self.beginning.cancel(self.task, at_once=why is not StopReason.CANCELLED)

    def begin(self) -> None:
        """Say that the flow begins its work.

        Raises:
            asyncio.CancelledError: It must end already.
        """
        self.beginning.over()
        if self.halt is not None:
            raise asyncio.CancelledError

    def settle(self, *, returned: bool) -> None:
        """Give back the deliveries of a job that is not done, else acknowledge them."""
        settle(self.deliveries, returned=returned)


def settle(deliveries: Collection[Delivery], *, returned: bool) -> None:
    """Give back the deliveries of what is not done, else acknowledge them."""
    for delivery in deliveries:
        delivery.requeue() if returned else delivery.ack()


async def wait_until_set(events: Iterable[asyncio.Event], seconds: float) -> None:
    """Wait for all events, but not for longer than this."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    if not waits:
        return
    _, pending = await asyncio.wait(waits, timeout=seconds)
    for wait in pending:
        wait.cancel()


class Attempts:
    """All attempts of this process. Used only from the event loop."""

    def __init__(
        self, resources: WorkerResources, owner: str, breaker: CircuitBreaker, *, leases: Leases
    ) -> None:
        self._resources = resources
        self._owner = owner
        self._breaker = breaker
        self._leases = leases
        self._kind = LeaseKind("job", resources.configuration.job.lease_seconds, renew)
        self._held: dict[UUID, Attempt] = {}

    @contextmanager
    def hold(self, claim: Claim) -> Iterator[Attempt]:
        """Renew the lease while the block runs."""
        if claim.lane is Lane.INTERACTIVE:
            self._resources.pixels.expect_interactive()
        attempt = Attempt(claim)
        self._held[claim.job_id] = attempt
        try:
            with self._leases.kept(
                self._kind,
                claim,
                lost=partial(self._lost, attempt),
                is_over=lambda: attempt.recorded,
            ):
                yield attempt
        finally:
            if self._held.get(claim.job_id) is attempt:
                del self._held[claim.job_id]
            attempt.gone.set()

    def of_job(self, job_id: UUID) -> Attempt | None:
        """Return the attempt at a job, if this process makes one."""
        return self._held.get(job_id)

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

    def _lost(self, attempt: Attempt) -> None:
        if self._is_held(attempt):
            log.warning("lease lost", job_id=str(attempt.claim.job_id))
            attempt.end(StopReason.LOST)

    async def _look_for_cancels(self) -> None:
        attempts = [attempt for attempt in self._held.values() if attempt.halt is None]
        if not attempts:
            return
        resources = self._resources
        wanted = await in_thread(
            resources.duty_threads, cancel_requests, resources.database, _claims(attempts)
        )
        for attempt in attempts:
            if attempt.claim.job_id in wanted and self._is_held(attempt):
                attempt.end(StopReason.CANCELLED)

    def _is_held(self, attempt: Attempt) -> bool:
        return self._held.get(attempt.claim.job_id) is attempt

    async def _wait_until_gone(self, seconds: float) -> None:
        await wait_until_set([attempt.gone for attempt in self._held.values()], seconds)


def _claims(attempts: Collection[Attempt]) -> list[Claim]:
    return [attempt.claim for attempt in attempts]
