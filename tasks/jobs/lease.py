"""Leased work, jobs and chunks alike: take a row, keep it, give it back.

A claim is a lease by PostgreSQL's clock, with a fencing token. The token rises with each claim and
guards every later statement: a process that slept past its lease changes nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from infra.contract.states import JobState
from infra.db.engine import Database
from infra.db.models.batches import Batch, Chunk
from infra.db.models.jobs import Job
from tasks.jobs.unfinished import queue_unfinished

Row = TypeVar("Row", Job, Chunk)


class Unclaimed(Enum):
    """Why a job or chunk cannot be claimed."""

    ABSENT = auto()  # deleted with its product or batch
    FINAL = auto()
    PARKED = auto()  # waits for its time; will be dispatched again
    HELD_HERE = auto()
    HELD_ELSEWHERE = auto()
    GAVE_UP = auto()  # this call made it final: too many attempts
    CANCELLED = auto()  # this call made it final: it is to be cancelled, and no worker has it


class Lease(Protocol):
    """What can be renewed: the lease on a row, while the row is still ours."""

    @property
    def table(self) -> type[Job] | type[Chunk] | type[Batch]:
        """The row's table."""

    @property
    def id(self) -> UUID:
        """The row's id."""

    def is_held(self) -> ColumnElement[bool]:
        """Return the condition that the row is still ours."""


AnyLease = TypeVar("AnyLease", bound=Lease)


class WorkClaim(ABC, Generic[Row]):
    """The claim of a job or chunk: a lease with a fencing token."""

    __slots__ = ()
    fencing_token: int

    @property
    @abstractmethod
    def table(self) -> type[Row]:
        """The row's table."""

    @property
    @abstractmethod
    def id(self) -> UUID:
        """The row's id."""

    def is_held(self) -> ColumnElement[bool]:
        """Return the condition that the row is still ours."""
        return and_(
            self.table.id == self.id,
            self.table.state == JobState.RUNNING,  # the same word for chunks
            self.table.fencing_token == self.fencing_token,
        )


@dataclass(frozen=True, slots=True)
class Renewal(Generic[AnyLease]):
    """What became of leases; those that are in neither set are not ours any more."""

    renewed: frozenset[AnyLease]
    locked: frozenset[AnyLease]
    """Still ours, but another transaction is at the row: to be renewed a moment later."""


def lock_free(
    session: Session, table: type[Row], row_id: UUID, *, owner: str
) -> tuple[Row, datetime] | Unclaimed:
    """Lock a row that has not ended and is not held; return it and PostgreSQL's time."""
    wanted = select(table, func.now()).where(table.id == row_id).with_for_update(of=table)
    found = session.execute(wanted).tuples().one_or_none()
    if found is None:
        return Unclaimed.ABSENT
    row, now = found
    if row.finished_at is not None:
        return Unclaimed.FINAL
    if row.lease_expires_at is not None and row.lease_expires_at > now:
        return Unclaimed.HELD_HERE if row.lease_owner == owner else Unclaimed.HELD_ELSEWHERE
    return row, now


def take(row: Job | Chunk, owner: str, until: datetime) -> None:
    """Take a locked row until this moment: the next token, and one more attempt."""
    row.state = type(row.state).RUNNING
    row.fencing_token += 1
    row.attempts += 1
    row.lease_owner, row.lease_expires_at = owner, until
    row.started_at = func.coalesce(type(row).started_at, func.now())


def lock_held(session: Session, claim: WorkClaim[Row]) -> Row | None:
    """Lock and return the claimed row; None when it is not ours any more."""
    return session.scalars(select(claim.table).where(claim.is_held()).with_for_update()).first()


def renew(database: Database, claims: Collection[AnyLease], seconds: float) -> Renewal[AnyLease]:
    """Extend leases of one kind, each for itself: a row that is locked delays no other."""
    if not claims:
        return Renewal(frozenset(), frozenset())
    by_id = {claim.id: claim for claim in claims}
    table = next(iter(claims)).table
    mine = or_(*(claim.is_held() for claim in claims))
    free = select(table.id).where(mine).with_for_update(skip_locked=True, key_share=True)
    until = func.now() + timedelta(seconds=seconds)
    with database.transaction() as session:
        extended = update(table).where(table.id.in_(free)).values(lease_expires_at=until)
        renewed = set(session.scalars(extended.returning(table.id)))
        locked = set(session.scalars(select(table.id).where(mine))) - renewed
    return Renewal(
        renewed=frozenset(by_id[row_id] for row_id in renewed),
        locked=frozenset(by_id[row_id] for row_id in locked),
    )


def link_flow_run(database: Database, claim: WorkClaim[Row], flow_run_id: UUID) -> None:
    """Note which flow run shows the work."""
    with database.transaction() as session:
        mine = update(claim.table).where(claim.is_held())
        session.execute(mine.values(flow_run_id=flow_run_id))


def give_back(
    database: Database, claim: WorkClaim[Row], *, counts: bool, republish: bool = False
) -> bool:
    """Return unfinished work to the queue; return whether it was still ours.

    `counts` says whether the attempt speaks against the work: an outage of our own parts or a
    shutdown does not. The caller requeues its delivery; without one, `republish` has the
    dispatcher send another.
    """
    with database.transaction() as session:
        row = lock_held(session, claim)
        if row is None:
            return False
        return_to_queue(session, row)
        if not counts:
            row.attempts -= 1
        if republish:
            row.dispatched_at = None
        return True


def return_to_queue(session: Session, row: Row) -> None:
    """Let another attempt take a locked row; who publishes it is for the caller to say."""
    if isinstance(row, Job):
        queue_unfinished(session, row)
    row.state = type(row.state).QUEUED
    row.lease_owner, row.lease_expires_at = None, None
