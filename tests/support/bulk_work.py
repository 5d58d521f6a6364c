"""Batches on the running stack: written as a plan would write them, then left to the workers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from infra.contract.states import BatchKind, BatchState, Lane
from infra.db.engine import Database
from infra.db.models.batches import Batch
from infra.db.models.jobs import Job, JobImage
from tasks.submission.submit import Submission, submit_within
from tests.pictures import PictureServer, photo
from tests.waiting import eventually

DONE_SECONDS = 240.0


def small_ones(pictures: PictureServer, first_seed: int, count: int) -> list[str]:
    """Return addresses of so many pictures that cost next to no pixels."""
    urls = []
    for seed in range(first_seed, first_seed + count):
        path = f"/bulk/{seed}.jpg"
        pictures.bodies[path] = photo(200, 150, seed=seed)
        urls.append(pictures.url(path))
    return urls


def begin_batch(database: Database, urls: Sequence[str], *, preset: str = "web") -> UUID:
    """Commit a planned batch with a job for each address; workers find it by themselves.

    Each job has a product of its own, whose sku begins with the end of the batch's id.
    """
    with database.transaction() as session:
        batch = Batch(
            kind=BatchKind.IMPORT,
            state=BatchState.RUNNING,
            preset=preset,
            name="spring.csv",
            planned_at=func.now(),
        )
        session.add(batch)
        session.flush()
        for position, url in enumerate(urls):
            sku = f"{sku_prefix(batch.id)}{position:03d}"
            wanted = Submission(preset=preset, urls=(url,), sku=sku, lane=Lane.BULK)
            job_id = submit_within(session, wanted).job_id
            values = {"batch_id": batch.id, "batch_position": position}
            session.execute(update(Job).where(Job.id == job_id).values(values))
        return batch.id


def sku_prefix(batch_id: UUID) -> str:
    """Return how the skus of such a batch begin, and no others."""
    return f"{str(batch_id)[-12:]}-"


def batch_row(database: Database, batch_id: UUID) -> Batch:
    """Return the batch as PostgreSQL holds it."""
    with database.transaction() as session:
        return session.get_one(Batch, batch_id)


def states(database: Database, batch_id: UUID) -> Counter[str]:
    """Return how many jobs of the batch are in each state."""
    with database.transaction() as session:
        found = session.scalars(select(Job.state).where(Job.batch_id == batch_id))
        return Counter(str(state) for state in found)


def outcomes(database: Database, batch_id: UUID) -> Counter[str]:
    """Return how many images of the batch ended in each way."""
    wanted = (
        select(JobImage.outcome)
        .join(Job, Job.id == JobImage.job_id)
        .where(Job.batch_id == batch_id)
    )
    with database.transaction() as session:
        return Counter(str(outcome) for outcome in session.scalars(wanted))


def at_least(database: Database, batch_id: UUID, count: int) -> None:
    """Wait until so many jobs are ready."""
    eventually(
        lambda: states(database, batch_id)["ready"] >= count,
        f"{count} jobs are ready",
        seconds=DONE_SECONDS,
        every_seconds=0.1,
    )


def ended(database: Database, batch_id: UUID, state: BatchState, **limits: Any) -> Batch:
    """Return the batch when it has ended, in this state."""

    def look() -> Batch | None:
        row = batch_row(database, batch_id)
        return row if row.state is not BatchState.RUNNING else None

    row = eventually(look, "the batch has ended", **{"seconds": DONE_SECONDS, **limits})
    assert row.state is state, states(database, batch_id)
    return row
