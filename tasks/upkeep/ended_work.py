"""Deletes batches and jobs that ended long ago, where the settings say how long they are kept.

Products, images and what they show stay. Each slice is a transaction of its own.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, select

from infra.contract.states import BatchState, JobState
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.jobs import Job
from infra.db.retry import again_after_conflict
from tasks.upkeep.garbage import Garbage, Rules, Tally

_SLICE = 500  # of which each takes along its images, and a batch its file's rows
_OPEN_JOBS = (JobState.QUEUED, JobState.RUNNING)


def forget_ended_work(database: Database, rules: Rules, *, tally: Tally) -> None:
    """Delete what is due, or only count it. A job of a batch goes after its batch."""
    if rules.job_retention is None:
        return
    for kind, table, due in (
        (Garbage.OLD_BATCHES, Batch, _batches(rules.job_retention)),
        (Garbage.OLD_JOBS, Job, _jobs(rules.job_retention)),
    ):
        if rules.dry_run:
            with database.transaction() as session:
                tally.add(kind, session.scalars(select(func.count()).where(due)).one())
            continue
        while forgotten := _forget_some(database, table, due):
            tally.add(kind, len(forgotten))


@again_after_conflict
def _forget_some(database: Database, table: Any, due: ColumnElement[bool]) -> Sequence[Any]:
    """Delete some; one that is begun again at this moment stays."""
    old = select(table.id).where(due).limit(_SLICE).with_for_update(skip_locked=True)
    with database.transaction() as session:
        ids = session.scalars(old).all()
        session.execute(delete(table).where(table.id.in_(ids)))
    return ids


def _batches(age: timedelta) -> ColumnElement[bool]:
    return and_(Batch.state != BatchState.RUNNING, Batch.finished_at < func.now() - age)


def _jobs(age: timedelta) -> ColumnElement[bool]:
    return and_(
        Job.finished_at < func.now() - age,
        Job.batch_id.is_(None),
        Job.state.not_in(_OPEN_JOBS),
    )
