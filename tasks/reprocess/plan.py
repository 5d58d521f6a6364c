"""Use case: write the next jobs of a reprocess batch.

Jobs and cursor are one transaction: a plan that is interrupted goes on behind the last product
that has its jobs. Memory holds one slice, however many images are selected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, literal, select, text, tuple_
from sqlalchemy.orm import Session

from infra.db.batches import Batch
from infra.db.conflict import again_after_conflict
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models import Job, JobImage, Product
from infra.states import BatchState, ImageState, JobState, Lane
from tasks.reprocess.selection import picked
from tasks.reprocess.selector import Selector

_PATIENCE = text("SET LOCAL statement_timeout = '300s'")  # for the last slice of a huge table


@dataclass(frozen=True, slots=True)
class _Group:
    """The images of one product that are made in one preset: they become one job."""

    product_id: UUID
    preset: str
    images: int


@dataclass(frozen=True, slots=True)
class _Cursor:
    """How far the plan has come: the last group, and what was planned up to it."""

    product_id: UUID | None = None
    preset: str = ""
    jobs: int = 0
    images: int = 0

    @classmethod
    def of(cls, written: dict[str, Any] | None) -> "_Cursor":
        if not written:
            return cls()
        return cls(UUID(written["product_id"]), **{n: written[n] for n in _WRITTEN})

    def written(self) -> dict[str, Any]:
        return {"product_id": str(self.product_id), **{n: getattr(self, n) for n in _WRITTEN}}


_WRITTEN = ("preset", "jobs", "images")


@again_after_conflict
def plan_some(database: Database, batch_id: UUID, *, limit: int) -> int:
    """Write at most `limit` jobs and return how many; 0 when the plan is complete or stopped."""
    with database.transaction() as session:
        batch = session.get(Batch, batch_id, with_for_update=True)
        if batch is None or batch.state is not BatchState.RUNNING:
            return 0
        if batch.planned_at is not None or batch.cancel_requested_at is not None:
            return 0
        session.execute(_PATIENCE)
        selector, cursor = Selector.of(batch.options), _Cursor.of(batch.plan_cursor)
        groups = _next_groups(session, selector, cursor, limit=limit)
        if not groups:
            batch.planned_at = func.now()
            return 0
        planned = _write_jobs(session, batch, groups, cursor=cursor)
        batch.plan_cursor = planned.written()
        return planned.jobs - cursor.jobs


def _next_groups(
    session: Session, selector: Selector, cursor: _Cursor, *, limit: int
) -> Sequence[_Group]:
    left = None if selector.limit is None else selector.limit - cursor.images
    if left is not None and left <= 0:
        return []
    chosen = picked(selector).subquery()
    place = (chosen.c.product_id, chosen.c.preset)
    statement = select(*place, func.count()).group_by(*place).order_by(*place).limit(limit)
    if cursor.product_id is not None:
        behind = tuple_(*place) > tuple_(literal(cursor.product_id), literal(cursor.preset))
        statement = statement.where(chosen.c.product_id >= cursor.product_id, behind)
    groups = [_Group(*row) for row in session.execute(statement).tuples()]
    return groups if left is None else _within(groups, left)


def _within(groups: Sequence[_Group], images: int) -> Sequence[_Group]:
    """Return the first groups up to so many images; the last one stays whole."""
    taken: list[_Group] = []
    for group in groups:
        if images <= 0:
            break
        taken.append(group)
        images -= group.images
    return taken


def _write_jobs(
    session: Session, batch: Batch, groups: Sequence[_Group], *, cursor: _Cursor
) -> _Cursor:
    """Write a job for each group that still has images; return how far the plan is then.

    Products are locked against being deleted, and looked at once more behind the lock.
    """
    selector = Selector.of(batch.options)
    products = sorted({group.product_id for group in groups})
    lock = select(Product.id).where(Product.id.in_(products)).order_by(Product.id)
    session.execute(lock.with_for_update(read=True, key_share=True))
    images = _images(session, selector, groups)
    jobs = {key: new_id() for key in images}
    written = [
        _job(job_id, batch, key, selector=selector) | {"batch_position": cursor.jobs + number}
        for number, (key, job_id) in enumerate(jobs.items())
    ]
    parts = [
        {"job_id": jobs[key], "image_id": image_id, "position": position}
        | {"state": ImageState.QUEUED}
        for key, found in images.items()
        for position, image_id in enumerate(found)
    ]
    if written:
        session.execute(insert(Job), written)
        session.execute(insert(JobImage), parts)
    last = groups[-1]
    return _Cursor(
        last.product_id, last.preset, cursor.jobs + len(written), cursor.images + len(parts)
    )


_Key = tuple[UUID, str]


def _images(
    session: Session, selector: Selector, groups: Sequence[_Group]
) -> dict[_Key, list[UUID]]:
    """Return the images of the groups that are still selected, by group, in their order."""
    products = {group.product_id for group in groups}
    chosen = picked(selector).where(Product.id.in_(products)).subquery()
    statement = select(chosen.c.product_id, chosen.c.preset, chosen.c.image_id).order_by(
        chosen.c.product_id, chosen.c.preset, chosen.c.position
    )
    wanted = {(group.product_id, group.preset) for group in groups}
    found: dict[_Key, list[UUID]] = {}
    for product_id, preset, image_id in session.execute(statement).tuples():
        if (product_id, preset) in wanted:
            found.setdefault((product_id, preset), []).append(image_id)
    return found


def _job(job_id: UUID, batch: Batch, key: _Key, *, selector: Selector) -> dict[str, Any]:
    product_id, preset = key
    return {
        "id": job_id,
        "product_id": product_id,
        "batch_id": batch.id,
        "lane": Lane.BULK,
        "state": JobState.QUEUED,
        "preset": preset,
        "from_stored": not selector.refetch,
        "force": selector.force,
        "quiet": True,
    }
