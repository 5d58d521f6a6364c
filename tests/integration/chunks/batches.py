"""Batches and their planned jobs, written as a plan would write them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update

from infra.contract.states import BatchKind, BatchState, Lane
from infra.db.engine import Database
from infra.db.models.batches import Batch, Chunk
from infra.db.models.jobs import Job
from infra.settings.sections import BulkSettings
from tasks.submission.submit import Submission, submit_within

BULK = BulkSettings.model_validate({"chunk_seconds": 300, "chunk_jobs": 10})


def batch_of(database: Database, *products: Sequence[str], **fields: Any) -> UUID:
    """Write a planned batch with one job per product, a product being the URLs of its images."""
    with database.transaction() as session:
        values = {"kind": BatchKind.IMPORT, "state": BatchState.RUNNING, "preset": "web", **fields}
        batch = Batch(planned_at=func.now(), **values)
        session.add(batch)
        session.flush()
        for position, urls in enumerate(products):
            wanted = Submission(
                preset="web", urls=tuple(urls), sku=f"{batch.id}-{position}", lane=Lane.BULK
            )
            job_id = submit_within(session, wanted).job_id
            session.execute(
                update(Job)
                .where(Job.id == job_id)
                .values(batch_id=batch.id, batch_position=position)
            )
        return batch.id


def names(count: int, *, images: int = 1) -> list[list[str]]:
    """Return so many products with so many images."""
    return [
        [f"http://supplier.example/{product}-{image}.jpg" for image in range(images)]
        for product in range(count)
    ]


def chunks_of(database: Database, batch_id: UUID) -> Sequence[Chunk]:
    """Return the chunks of a batch, the oldest first."""
    statement = select(Chunk).where(Chunk.batch_id == batch_id).order_by(Chunk.id)
    with database.transaction() as session:
        return session.scalars(statement).all()


def jobs_of(database: Database, batch_id: UUID) -> Sequence[Job]:
    """Return the jobs of a batch in its order."""
    statement = select(Job).where(Job.batch_id == batch_id).order_by(Job.batch_position)
    with database.transaction() as session:
        return session.scalars(statement).all()


def change_chunk(database: Database, chunk_id: UUID, assignments: str) -> None:
    """Change a chunk's row behind everybody's back."""
    with database.transaction() as session:
        session.execute(text(f"UPDATE chunks SET {assignments} WHERE id = :id"), {"id": chunk_id})


def change_jobs(database: Database, batch_id: UUID, assignments: str) -> None:
    """Change the rows of all jobs of a batch."""
    with database.transaction() as session:
        session.execute(
            text(f"UPDATE jobs SET {assignments} WHERE batch_id = :id"), {"id": batch_id}
        )
