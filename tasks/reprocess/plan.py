"""Use case: write the next jobs of a reprocess batch.

Jobs and cursor are one transaction: a plan that is interrupted goes on behind the last product
that has its jobs. Memory holds one slice, however many images are selected.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select, text, tuple_, update
from sqlalchemy.orm import Session

from infra.contract.states import BatchState, ImageState
from infra.db.engine import Database
from infra.db.ids import new_id
from infra.db.models.batches import Batch
from infra.db.models.catalogue import Image, Product
from infra.db.retry import again_after_conflict
from tasks.jobs.unfinished import NO_ERROR, lock_products
from tasks.reprocess.selection import picked
from tasks.reprocess.selector import Selector
from tasks.submission.job_images import queue_job_images

_PATIENCE = "SET LOCAL statement_timeout = '300s'"  # for the last slice of a huge table

# A slice goes along the images by their index and stops when it is full. A catalogue that has
# just changed as a whole has no statistics of it yet: PostgreSQL would go through all of it again
# for each slice.
_STEP_BY_STEP = (
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL enable_hashjoin = off",
    "SET LOCAL enable_mergejoin = off",
    "SET LOCAL jit = off",
)
_PREPARATION = text("; ".join((_PATIENCE, *_STEP_BY_STEP)))

_INSERT_JOBS = text("""
    INSERT INTO jobs (id, product_id, batch_id, batch_position, lane, state, preset, from_stored,
        force, quiet, request_id)
    SELECT id, product_id, :batch_id, place, 'bulk', 'queued', preset, :stored, :force, :quiet,
        :request_id
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, product_id uuid, preset text, place integer)
""")


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
        session.execute(_PREPARATION)
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
    if left is None:
        return groups
    taken: list[_Group] = []
    for group in groups:  # the last one stays whole
        if left <= 0:
            break
        taken.append(group)
        left -= group.images
    return taken


def _write_jobs(
    session: Session, batch: Batch, groups: Sequence[_Group], *, cursor: _Cursor
) -> _Cursor:
    """Write a job for each group that still has images; return how far the plan is then.

    Products are locked against being deleted, and looked at once more behind the lock. Images that
    failed wait from now on, as after any retry.
    """
    selector = Selector.of(batch.options)
    products = sorted({group.product_id for group in groups})
    if selector.failed:
        lock_products(session, products)
    else:
        lock = select(Product.id).where(Product.id.in_(products)).order_by(Product.id)
        session.execute(lock.with_for_update(read=True, key_share=True))
    images = _images(session, selector, groups)
    jobs = [
        {"id": str(new_id()), "product_id": str(product_id), "preset": preset, "place": place}
        for place, (product_id, preset) in enumerate(images, cursor.jobs)
    ]
    parts = [
        {"job_id": job["id"], "image_id": str(image_id), "position": position}
        for job, found in zip(jobs, images.values(), strict=True)
        for position, image_id in enumerate(found)
    ]
    same = {
        "batch_id": batch.id,
        "stored": not selector.refetch,
        "force": selector.force,
        "quiet": not selector.failed,
        "request_id": batch.request_id,
    }
    session.execute(_INSERT_JOBS, {"rows": json.dumps(jobs), **same})
    queue_job_images(session, parts)
    if selector.failed:
        waiting = {"state": ImageState.QUEUED, **NO_ERROR, "updated_at": func.now()}
        owed = [image_id for found in images.values() for image_id in found]
        session.execute(update(Image).where(Image.id.in_(owed)).values(waiting))
    last, count = groups[-1], sum(map(len, images.values()))
    return _Cursor(last.product_id, last.preset, cursor.jobs + len(images), cursor.images + count)


_Key = tuple[UUID, str]


def _images(
    session: Session, selector: Selector, groups: Sequence[_Group]
) -> dict[_Key, list[UUID]]:
    """Return the images of the groups that are still selected, by group, in their order."""
    # A range is looked up by the index of images; of many ids each would be compared with each.
    here = Image.product_id.between(groups[0].product_id, groups[-1].product_id)
    chosen = picked(selector).where(here).subquery()
    statement = select(chosen.c.product_id, chosen.c.preset, chosen.c.image_id).order_by(
        chosen.c.product_id, chosen.c.preset, chosen.c.position
    )
    wanted = {(group.product_id, group.preset) for group in groups}
    found: dict[_Key, list[UUID]] = {}
    for product_id, preset, image_id in session.execute(statement).tuples():
        if (product_id, preset) in wanted:
            found.setdefault((product_id, preset), []).append(image_id)
    return found
