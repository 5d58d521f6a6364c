"""Use case: lead a batch, one process at a time: a lease on its row, without a fencing token.

Everything that a leader does may be done twice, so a lease that two believe to hold is harmless.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from infra.contract.states import BatchKind, BatchState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.jobs import Job


@dataclass(frozen=True, slots=True)
class Leading:
    """A running batch that this process leads."""

    batch_id: UUID
    kind: BatchKind
    name: str | None
    round: int
    flow_run_id: UUID | None


@dataclass(frozen=True, slots=True)
class LeaderClaim:
    """The claim of a process to lead a batch."""

    batch_id: UUID
    owner: str

    @property
    def table(self) -> type[Batch]:
        """The table of batches."""
        return Batch

    @property
    def id(self) -> UUID:
        """The batch's id."""
        return self.batch_id

    def is_held(self) -> ColumnElement[bool]:
        """Return the condition that this process leads the batch."""
        return and_(
            Batch.id == self.batch_id,
            Batch.state == BatchState.RUNNING,
            Batch.lease_owner == self.owner,
        )


@dataclass(frozen=True, slots=True)
class Leader:
    """A process that is about to lead a batch, in its flow run."""

    owner: str
    flow_run_id: UUID
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """The state of a batch, for the worker that was asked to lead it."""

    state: BatchState
    finished_at: datetime | None


def lead_waiting(
    database: Database, *, owner: str, lease_seconds: float, limit: int
) -> list[Leading]:
    """Claim the running batches without a leader; return those.

    One that was just begun is about to be led by the run that wrote it.
    """
    just_now = Batch.created_at > func.now() - timedelta(seconds=lease_seconds)
    led_by_its_run = and_(Batch.flow_run_id.is_not(None), Batch.lease_owner.is_(None), just_now)
    free = (
        select(Batch.id)
        .where(Batch.state == BatchState.RUNNING, _is_free(), ~led_by_its_run)
        .order_by(Batch.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    with database.transaction() as session:
        found = session.scalars(
            update(Batch)
            .where(Batch.id.in_(free))
            .values(lease_owner=owner, lease_expires_at=_until(lease_seconds))
            .returning(Batch)
        ).all()
        return [_leading(batch) for batch in found]


def lead(database: Database, batch_id: UUID, *, owner: str, lease_seconds: float) -> Leading | None:
    """Take or renew the lease of one batch; None when another leads it or it has ended.

    None, too, while another transaction has its row: the leader looks again soon.
    """
    ours = or_(_is_free(), Batch.lease_owner == owner)
    free = (
        select(Batch.id)
        .where(Batch.id == batch_id, Batch.state == BatchState.RUNNING, ours)
        .with_for_update(skip_locked=True, key_share=True)
    )
    with database.transaction() as session:
        batch = session.scalars(
            update(Batch)
            .where(Batch.id.in_(free))
            .values(lease_owner=owner, lease_expires_at=_until(lease_seconds))
            .returning(Batch)
        ).first()
        return None if batch is None else _leading(batch)


def show_by(database: Database, batch_id: UUID, *, owner: str, flow_run_id: UUID) -> None:
    """Note which run shows a batch that this process leads."""
    with database.transaction() as session:
        session.execute(
            update(Batch)
            .where(Batch.id == batch_id, Batch.lease_owner == owner)
            .values(flow_run_id=flow_run_id)
        )


def let_go(database: Database, batch_id: UUID, *, owner: str) -> None:
    """Let another process lead the batch at once."""
    with database.transaction() as session:
        session.execute(
            update(Batch)
            .where(Batch.id == batch_id, Batch.lease_owner == owner)
            .values(lease_owner=None, lease_expires_at=None)
        )


def batch_end(database: Database, batch_id: UUID) -> BatchEnd | None:
    """Return where a batch stands, or None when there is none with this id."""
    with database.transaction() as session:
        batch = session.get(Batch, batch_id)
        return None if batch is None else BatchEnd(batch.state, batch.finished_at)


def cancel_is_requested(database: Database, batch_id: UUID) -> bool:
    """Whether the batch is to be cancelled."""
    with database.transaction() as session:
        statement = select(Batch.cancel_requested_at).where(Batch.id == batch_id)
        return session.scalar(statement) is not None


def has_open_jobs(database: Database, batch_id: UUID) -> bool:
    """Whether a job of the batch waits or is worked on; cheap for a batch of any size."""
    is_open = Job.state.in_((JobState.QUEUED, JobState.RUNNING))
    with database.transaction() as session:
        found = select(Job.id).where(Job.batch_id == batch_id, is_open).limit(1)
        return session.scalar(found) is not None


def batch_of_run(database: Database, flow_run_id: UUID) -> UUID | None:
    """Return the batch that this run shows, if it shows one."""
    with database.transaction() as session:
        return session.scalar(select(Batch.id).where(Batch.flow_run_id == flow_run_id).limit(1))


def _is_free() -> ColumnElement[bool]:
    return or_(
        Batch.lease_expires_at.is_(None),
        and_(Batch.lease_expires_at.is_not(None), Batch.lease_expires_at <= func.now()),
    )


def _until(seconds: float) -> ColumnElement[datetime]:
    until: ColumnElement[datetime] = func.now() + timedelta(seconds=seconds)
    return until


def _leading(batch: Batch) -> Leading:
    return Leading(
        batch_id=batch.id,
        kind=batch.kind,
        name=batch.name,
        round=batch.round,
        flow_run_id=batch.flow_run_id,
    )
