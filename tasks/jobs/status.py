"""Use case: tell where a job stands, for those who only need to decide what to do with it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, false, func, select
from sqlalchemy.orm import Session

from infra.contract.states import ImageState, JobState
from infra.db.engine import Database
from infra.db.models.jobs import Job, JobImage


@dataclass(frozen=True, slots=True)
class ImageCounts:
    """How many images the whole job has, how many are ready, and how many this round made."""

    total: int = 0
    ready: int = 0
    made: int = 0


@dataclass(frozen=True, slots=True)
class JobStatus:
    """Where a job stands by PostgreSQL's clock.

    `lease_is_live`: it is running and its worker was heard of. `parked_until`: it is queued and
    waits for that moment. `images` counts those of the whole job, whichever attempt made them.
    """

    job_id: UUID
    state: JobState
    round: int
    flow_run_id: UUID | None
    lease_owner: str | None
    lease_is_live: bool
    parked_until: datetime | None
    cancel_requested: bool
    finished_at: datetime | None
    images: ImageCounts = ImageCounts()

    @property
    def is_parked(self) -> bool:
        """Whether it waits for its time."""
        return self.parked_until is not None


def status_of(session: Session, job_id: UUID) -> JobStatus | None:
    """Return where the job stands within this transaction, or None when there is none."""
    row = session.execute(_statuses(Job.id == job_id)).tuples().one_or_none()
    return None if row is None else _status(row)


def read_status(database: Database, job_id: UUID) -> JobStatus | None:
    """Return where the job stands, or None when there is none with this id."""
    with database.transaction() as session:
        return status_of(session, job_id)


def statuses_by_flow_run(
    database: Database, flow_run_ids: Collection[UUID]
) -> dict[UUID, JobStatus]:
    """Return where the jobs stand that these flow runs show, by the run's id."""
    if not flow_run_ids:
        return {}
    found = _find(database, Job.flow_run_id.in_(flow_run_ids))
    return {each.flow_run_id: each for each in found if each.flow_run_id is not None}


def recently_cancelled(database: Database, within_seconds: float) -> tuple[JobStatus, ...]:
    """Return the jobs with a flow run that were cancelled within that time."""
    since = func.now() - timedelta(seconds=within_seconds)
    return _find(
        database,
        Job.state == JobState.CANCELLED,
        Job.flow_run_id.is_not(None),
        Job.finished_at >= since,
    )


def job_of_flow_run(database: Database, flow_run_id: UUID) -> UUID | None:
    """Return the job that this flow run shows, the newest if there are several."""
    with database.transaction() as session:
        statement = select(Job.id).where(Job.flow_run_id == flow_run_id)
        return session.scalars(statement.order_by(Job.id.desc()).limit(1)).first()


def _find(database: Database, *conditions: ColumnElement[bool]) -> tuple[JobStatus, ...]:
    with database.transaction() as session:
        rows = session.execute(_statuses(*conditions).order_by(Job.id)).tuples()
        return tuple(_status(row) for row in rows)


_Columns = tuple[Job, bool, bool, int, int, int]


def _statuses(*conditions: ColumnElement[bool]) -> Select[_Columns]:
    live = func.coalesce(Job.lease_expires_at > func.now(), false())
    early = func.coalesce(Job.not_before > func.now(), false())
    ready = JobImage.state == ImageState.READY
    made = ready & (JobImage.finished_at >= Job.started_at)
    counts = (_count(), _count(ready), _count(made))
    return select(Job, live, early, *counts).where(*conditions)


def _count(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    mine = select(func.count()).select_from(JobImage).where(JobImage.job_id == Job.id, *conditions)
    return mine.correlate(Job).scalar_subquery()


def _status(row: _Columns) -> JobStatus:
    job, live, early, total, ready, made = row
    return JobStatus(
        job_id=job.id,
        state=job.state,
        round=job.round,
        flow_run_id=job.flow_run_id,
        lease_owner=job.lease_owner,
        lease_is_live=job.state is JobState.RUNNING and live,
        parked_until=job.not_before if job.state is JobState.QUEUED and early else None,
        cancel_requested=job.cancel_requested_at is not None,
        finished_at=job.finished_at,
        images=ImageCounts(total, ready, made),
    )
