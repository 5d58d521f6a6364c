"""Use case: show at a glance what goes on: images of today, throughput, batches, hosts in trouble.

It reads index entries of one day and of what waits, never a whole table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from infra.contract.errors import ServiceUnavailable
from infra.contract.states import BatchState, ImageState, JobState, Lane, Outcome
from infra.db.engine import Database
from infra.db.models.catalogue import Image, Product
from infra.db.models.jobs import Job, JobImage
from infra.host_limits.policy import HostView
from infra.host_limits.redis_limits import RedisHostLimits
from tasks.batches.read import BatchFilter, BatchView, list_batches
from tasks.hosts import list_hosts

MINUTES = 60
_BATCHES = 20
_HOSTS = 200  # those asked last


@dataclass(frozen=True, slots=True)
class Today:
    """The images that jobs finished since midnight (UTC).

    `saved_bytes` is by how much the largest variant of each image made is smaller than its source.
    """

    day: date
    ready: int
    failed: int
    saved_bytes: int


@dataclass(frozen=True, slots=True)
class Minute:
    """How many images were finished in the minute that begins at `start`."""

    start: datetime
    ready: int
    failed: int


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A queued job, and since when it waits for its turn."""

    id: UUID
    product_id: UUID
    sku: str | None
    lane: Lane
    since: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one moment; `minutes` are the last hour, the oldest first.

    `hosts` are those that are left alone for now; None while Redis, which knows them, is away.
    """

    today: Today
    waiting: int
    minutes: tuple[Minute, ...]
    batches: tuple[BatchView, ...]
    hosts: tuple[HostView, ...] | None
    oldest_waiting: WaitingJob | None


def read_overview(database: Database, hosts: RedisHostLimits) -> Overview:
    """Look at everything once; raises `ServiceUnavailable` when PostgreSQL is away."""
    with database.transaction() as session:
        now = session.scalars(select(func.now())).one()
        today = _today(session, now)
        waiting = session.scalars(select(func.count()).where(Image.state.in_(_WAITING))).one()
        minutes = _minutes(session, now)
        oldest = _oldest_waiting(session)
    batches = list_batches(database, BatchFilter(limit=_BATCHES, state=BatchState.RUNNING))
    return Overview(today, waiting, minutes, batches, _in_trouble(hosts), oldest)


_WAITING = (ImageState.QUEUED, ImageState.PROCESSING)
_READY = func.count().filter(JobImage.state == ImageState.READY)
_FAILED = func.count().filter(JobImage.state == ImageState.FAILED)


def _today(session: Session, now: datetime) -> Today:
    day = now.astimezone(UTC).date()
    saved = func.sum(JobImage.saved_bytes).filter(JobImage.outcome == Outcome.CREATED)
    statement = select(_READY, _FAILED, func.coalesce(saved, 0))
    since_midnight = JobImage.finished_at >= datetime.combine(day, time(), UTC)
    ready, failed, saved_bytes = session.execute(statement.where(since_midnight)).one()
    return Today(day, ready, failed, int(saved_bytes))


def _minutes(session: Session, now: datetime) -> tuple[Minute, ...]:
    last = now.replace(second=0, microsecond=0)
    starts = [last - timedelta(minutes=ago) for ago in range(MINUTES - 1, -1, -1)]
    start = func.date_trunc("minute", JobImage.finished_at)
    statement = select(start, _READY, _FAILED).where(JobImage.finished_at >= starts[0])
    rows = session.execute(statement.group_by(start)).tuples()
    counted: Mapping[datetime, tuple[int, int]] = {at: (ready, bad) for at, ready, bad in rows}
    return tuple(Minute(at, *counted.get(at, (0, 0))) for at in starts)


def _oldest_waiting(session: Session) -> WaitingJob | None:
    """A job that was retried waits since it was published again, as far as that is known."""
    since = case(
        (Job.round == 0, func.greatest(Job.created_at, Job.not_before)),
        else_=func.coalesce(Job.dispatched_at, func.now()),
    )
    is_due = or_(Job.not_before.is_(None), Job.not_before <= func.now())
    statement = (
        select(Job.id, Job.product_id, Product.sku, Job.lane, since)
        .join(Product, Product.id == Job.product_id)
        .where(Job.state == JobState.QUEUED, is_due)
        .order_by(Job.id)
        .limit(1)
    )
    row = session.execute(statement).tuples().first()
    return None if row is None else WaitingJob(*row)


def _in_trouble(hosts: RedisHostLimits) -> tuple[HostView, ...] | None:
    try:
        known = list_hosts(hosts, limit=_HOSTS)
    except ServiceUnavailable:
        return None
    return tuple(view for view in known if view.is_in_trouble)
