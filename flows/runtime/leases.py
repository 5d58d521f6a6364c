"""Keeps the leases of what this process works on: jobs, chunks and batches that it leads.

It has a thread and a database connection of its own, so that no part that hangs and no other
statement delays a renewal. Each lease has its own clock, which goes forward when a renewal has
succeeded and only then: one that failed is tried again soon. Only PostgreSQL knows that a lease
is over; while it cannot be asked, the fencing token keeps this process from harm.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import structlog

from flows.runtime.circuit_breaker import CircuitBreaker
from flows.runtime.resources import WorkerResources, in_thread
from infra.contract.errors import ServiceUnavailable
from tasks.jobs.lease import Lease, renew

log = structlog.get_logger(__name__)

_RENEWALS_PER_LEASE = 3
_AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class LeaseKind:
    """A kind of lease: whose it is (`job`, `chunk`, `batch`), and how long it lasts."""

    name: str
    seconds: float

    @property
    def interval(self) -> float:
        """Seconds between two renewals."""
        return self.seconds / _RENEWALS_PER_LEASE


@dataclass(slots=True, eq=False)
class _Lease:
    claim: Lease
    due_at: float
    is_over: Callable[[], bool]
    lost: Callable[[], None]


class Leases:
    """Used only from the event loop."""

    def __init__(self, resources: WorkerResources, breaker: CircuitBreaker) -> None:
        self._resources = resources
        self._breaker = breaker
        self._kept: dict[LeaseKind, list[_Lease]] = {}

    @contextmanager
    def kept(
        self,
        kind: LeaseKind,
        claim: Lease,
        *,
        lost: Callable[[], None],
        is_over: Callable[[], bool] = lambda: False,
    ) -> Iterator[None]:
        """Renew the lease while the block runs, until it is over; call `lost` if it is not ours."""
        lease = _Lease(claim, monotonic() + kind.interval, is_over, lost)
        leases = self._kept.setdefault(kind, [])
        leases.append(lease)
        try:
            yield
        finally:
            if lease in leases:
                leases.remove(lease)

    async def run(self) -> None:
        """Renew what is due, for ever."""
        while True:
            for kind, leases in list(self._kept.items()):
                now = monotonic()
                due = [each for each in leases if each.due_at <= now and not each.is_over()]
                if due:
                    await self._renew(kind, due)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _renew(self, kind: LeaseKind, due: Collection[_Lease]) -> None:
        asked_at = monotonic()
        again_at = asked_at + min(_AGAIN_SECONDS, kind.interval)
        for lease in due:
            lease.due_at = again_at
        try:
            renewal = await in_thread(
                self._resources.lease_thread,
                renew,
                self._resources.lease_database,
                [lease.claim for lease in due],
                kind.seconds,
            )
        except ServiceUnavailable as exc:
            self._breaker.note(exc)
            return
        except Exception:  # leases must be kept, whatever else goes wrong
            log.exception("leases not kept", kind=kind.name)
            return
        for lease in due:
            if lease.claim in renewal.renewed:
                lease.due_at = asked_at + kind.interval
            elif lease.claim not in renewal.locked:
                leases = self._kept[kind]
                if lease in leases and not lease.is_over():  # not ended while PostgreSQL was asked
                    leases.remove(lease)
                    lease.lost()
